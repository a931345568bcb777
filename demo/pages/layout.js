const { html } = require('../html');

const STYLES = ['base', 'pages', 'panel'];
const PAGES = [
  { path: '/', label: 'Overview' },
  { path: '/shop/', label: 'Shop' },
  { path: '/blog/', label: 'Blog' },
];

/** @typedef {InstanceType<typeof import('../html').Html>} Html */

/**
 * @param {object} page
 * @param {string} page.title
 * @param {'shop' | 'blog' | 'home'} page.theme
 * @param {string} [page.path]
 * @param {Html} page.main
 * @param {Html} [page.panel]
 */
function layout({ title, theme, path, main, panel }) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
${STYLES.map(
  (name) => html`<link rel="stylesheet" href="/assets/${name}.css">
`,
)}
<script src="/assets/live.js" defer></script>
</head>
<body class="${theme}">
<a class="skip" href="#main">Skip to the content</a>
${panel && html`<a class="skip" href="#panel">Skip to the live panel</a>`}
<header class="masthead">
  <p class="brand"><a class="brand-link" href="/">koa-evented-session</a></p>
  <nav aria-label="Pages">
    <ul>
      ${PAGES.map((page) => html`<li><a href="${page.path}" ${current(page.path === path)}>${page.label}</a></li>`)}
      ${panel && html`<li class="to-panel"><a href="#panel">Panel</a></li>`}
    </ul>
  </nav>
</header>
<div class="columns">
<main id="main" tabindex="-1">
${main}
</main>
${panel}
<footer>
  <p>Pages change things only by POST, and the session cookies are <code>SameSite=Lax</code> and <code>HttpOnly</code>: no other
  site’s form acts in your name, and no script reads them. All that visitors type is escaped, and no script is inline.</p>
</footer>
</div>
</body>
</html>
`.text;
}

/** @param {boolean} isCurrent */
function current(isCurrent) {
  return isCurrent && html`aria-current="page"`;
}

module.exports = { layout };
