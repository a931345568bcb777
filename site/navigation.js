const { counterpartOf, groups, pagesOf, titleOf, urlOf } = require('./pages');

/** @typedef {import('./pages').Language} Language */

const introduction = { en: 'Introduction', zh: '介绍' };

/** A page that is not translated is named, and linked, in English. @param {string} english @param {Language} language */
function itemOf(english, language) {
  const page = counterpartOf(english, language) ?? english;
  const isTranslated = language === 'en' || page !== english;
  // Entry points all begin with the name of the package.
  const title = english === 'README.md' ? introduction[language] : titleOf(page).replace('koa-evented-session/', '/');
  return { text: isTranslated ? title : `<span lang="en">${title}</span>`, link: urlOf(page) };
}

/** @param {Language} language */
function sidebarOf(language) {
  const lists = groups.map((group) => ({
    text: group[language],
    items: pagesOf(group).map((page) => itemOf(page, language)),
  }));
  return lists.filter(({ items }) => items.length > 0);
}

/** The pages at the top of each page: what is looked up most. @param {Language} language */
function navOf(language) {
  const pages = ['docs/stores.md', 'docs/options.md', 'docs/errors.md', 'docs/api/README.md'];
  return pages.map((page) => itemOf(page, language));
}

module.exports = { navOf, sidebarOf };
