const { readFileSync, readdirSync } = require('node:fs');
const { extname, join, posix } = require('node:path');
const markdownIt = require('markdown-it');
const { docsPage } = require('./pages/docs');

const root = join(__dirname, '..');

/** The pages by their addresses, which are their paths in the project, so that the links between them work. */
const pages = new Map(
  ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'bench/RESULTS.md', ...filesIn('docs', '.md')].map((path) => [
    `/${path}`,
    path,
  ]),
);

/** Files that pages show or link to. */
const others = ['docs/demo.png', 'LICENSE', ...filesIn('bench', '.svg', false)].map((path) => `/${path}`);

/** @typedef {{ tag: string, content: string }} Token */

const markdown = markdownIt();
const { rules } = markdown.renderer;
// What can be scrolled can have the focus. The style of a cell would be inline, which the policy forbids.
Object.assign(rules, {
  table_open: () => '<div class="scroll" tabindex="0"><table>\n',
  table_close: () => '</table></div>\n',
  // An empty head of a column is not a head.
  th_open: (/** @type {Token[]} */ tokens, /** @type {number} */ index) =>
    tokens[index + 1]?.content ? '<th scope="col">' : '<td>',
  th_close: (/** @type {Token[]} */ tokens, /** @type {number} */ index) =>
    tokens[index - 1]?.content ? '</th>' : '</td>',
  td_open: () => '<td>',
  heading_open: (
    /** @type {Token[]} */ tokens,
    /** @type {number} */ index,
    /** @type {object} */ _options,
    /** @type {Map<string, number>} */ anchors,
  ) => `<${tokens[index]?.tag} id="${anchorOf(tokens[index + 1]?.content ?? '', anchors)}">`,
  fence: (/** @type {{ content: string }[]} */ tokens, /** @type {number} */ index) =>
    `<pre tabindex="0"><code>${escaped(tokens[index]?.content ?? '')}</code></pre>\n`,
});

/** Serves the documentation, so that the demo's links to it work offline and belong to its version. @type {import('koa').Middleware} */
async function docs(ctx, next) {
  if (!['GET', 'HEAD'].includes(ctx.method)) return next();
  if (others.includes(ctx.path)) {
    ctx.type = extname(ctx.path) || 'txt';
    ctx.body = readFileSync(join(root, ctx.path));
    return;
  }
  const path = pages.get(ctx.path);
  if (path === undefined) return next();
  const text = readFileSync(join(root, path), 'utf8');
  ctx.body = docsPage({
    title: /^# (.+)$/m.exec(text)?.[1] ?? path,
    html: markdown.render(text, new Map()),
    isChinese: path.startsWith('docs/zh/'),
  });
}

/** @param {string} folder @param {string} ending @param {boolean} recursive */
function filesIn(folder, ending, recursive = true) {
  const names = readdirSync(join(root, folder), { recursive, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => posix.join(folder, name));
}

/**
 * As code hosts make it: those that look alike have numbers.
 *
 * @param {string} heading
 * @param {Map<string, number>} anchors those of the page so far, and how often each has occurred
 */
function anchorOf(heading, anchors) {
  const anchor = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');
  const earlier = anchors.get(anchor) ?? 0;
  anchors.set(anchor, earlier + 1);
  return earlier === 0 ? anchor : `${anchor}-${earlier}`;
}

/** @param {string} code */
function escaped(code) {
  return code.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

module.exports = { docs };
