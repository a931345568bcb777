const { Html, html } = require('../html');
const { layout } = require('./layout');

/** A page of the documentation. @param {{ title: string, html: string, isChinese: boolean }} page */
function docsPage({ title, html: text, isChinese }) {
  return layout({
    title: `${title} · koa-evented-session`,
    theme: 'home',
    main: html`<article class="doc" ${isChinese && html`lang="zh-CN"`}>
${new Html(text)}
</article>`,
  });
}

/** A link to the page that explains a part of the panel. @param {string} path @param {string} title */
function explained(path, title) {
  return html`<p class="explained"><a href="/docs/${path}">${title}</a></p>`;
}

module.exports = { docsPage, explained };
