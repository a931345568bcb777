// What the pages around the documentation say, in both languages.

const english = {
  description:
    'Session middleware for Koa: Redis, SQL and other stores, parallel requests, outages, sessions of a user.',
  themeConfig: {
    notFound: {
      title: 'There is no such page',
      quote: 'It may have moved. Search for it, or begin again.',
      linkText: 'To the introduction',
      linkLabel: 'To the introduction',
    },
  },
};

const chinese = {
  description: 'Koa 的会话（session）中间件：Redis、SQL 等多种存储，并发请求，故障，用户的所有会话。',
  themeConfig: {
    outline: { level: [2, 3], label: '本页内容' },
    docFooter: { prev: '上一页', next: '下一页' },
    darkModeSwitchLabel: '外观',
    lightModeSwitchTitle: '切换到浅色',
    darkModeSwitchTitle: '切换到深色',
    sidebarMenuLabel: '目录',
    returnToTopLabel: '回到顶部',
    langMenuLabel: '切换语言',
    skipToContentLabel: '跳到正文',
    notFound: {
      title: '没有这个页面',
      quote: '它可能已经移走了。请搜索，或从头开始。',
      linkText: '回到介绍',
      linkLabel: '回到介绍',
    },
  },
  search: {
    button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
    modal: {
      displayDetails: '显示详细列表',
      resetButtonTitle: '清除',
      backButtonTitle: '关闭搜索',
      noResultsText: '没有找到：',
      footer: {
        selectText: '打开',
        selectKeyAriaLabel: '回车键',
        navigateText: '选择',
        navigateUpKeyAriaLabel: '上箭头',
        navigateDownKeyAriaLabel: '下箭头',
        closeText: '关闭',
        closeKeyAriaLabel: 'Esc 键',
      },
    },
  },
};

/**
 * The words of a text for the search. Chinese has no spaces: two characters side by side count as a word. The browser gets this
 * function as its text, so it uses nothing from outside.
 *
 * @param {string} text
 */
function tokenize(text) {
  const words = text.match(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}])+/gu) ?? [];
  return words.flatMap((word) => {
    if (!/\p{Script=Han}/u.test(word) || word.length === 1) return word;
    return Array.from(word.slice(1), (character, at) => word.charAt(at) + character);
  });
}

module.exports = { chinese, english, tokenize };
