const { relative } = require('node:path');
const { siteLink, siteText } = require('./links');
const { withOpening } = require('./opening');
const { root } = require('./pages');

/** @typedef {{ realPath?: string, path: string }} Environment */
/** @typedef {{ src: string, tokens: Token[], env: Environment }} State */
/** @typedef {(name: string, rule: (state: State) => void) => void} Push */
/** @typedef {{ core: { ruler: { push: Push, after(earlier: string, ...args: Parameters<Push>): void } } }} Markdown */
/**
 * @typedef {object} Token
 * @property {string} type
 * @property {string} tag
 * @property {string} content
 * @property {Token[] | null} children
 * @property {(name: string) => string | null} attrGet
 * @property {(name: string, value: string) => void} attrSet
 */

/** The anchors of headings as code hosts make them, so that links work there and here. @param {string} heading */
function slugify(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * Options that make VitePress read pages as code hosts do: with their anchors, and with links between files.
 *
 * @param {Set<string>} files gets the files that pages link to and that are no pages
 */
function readMarkdownAsHostsDo(files) {
  return {
    anchor: { slugify },
    /** @param {Markdown} md */
    config(md) {
      md.core.ruler.after('normalize', 'opening', (state) => {
        state.src = withOpening(state.src, fileOf(state.env));
      });
      md.core.ruler.push('links-between-files', ({ tokens, env }) => {
        for (const { children } of tokens) {
          for (const [at, token] of (children ?? []).entries()) placeLink(token, children?.[at + 1], env);
        }
      });
      md.core.ruler.push('empty-headers', ({ tokens }) => tokens.forEach(emptyHeader));
      md.core.ruler.push('plots', ({ tokens }) => tokens.forEach(plot));
    },
  };

  /** @param {Token} link @param {Token | undefined} text @param {Environment} env */
  function placeLink(link, text, env) {
    if (link.type !== 'link_open') return;
    link.attrSet('href', siteLink(String(link.attrGet('href')), fileOf(env), files));
    if (text?.type === 'text') text.content = siteText(text.content);
  }
}

/** The file of a page, from the root of the project. @param {Environment} env */
const fileOf = ({ realPath, path }) => relative(root, realPath ?? path).replaceAll('\\', '/');

/** The empty cell at the top of a table is no header of anything. @param {Token} token @param {number} at @param {Token[]} tokens */
function emptyHeader(token, at, tokens) {
  const [content, end] = tokens.slice(at + 1);
  if (token.type !== 'th_open' || content?.content !== '' || end === undefined) return;
  token.tag = 'td';
  end.tag = 'td';
}

/** A plot can be scrolled on a phone, by keyboard too. @param {Token} token @param {number} at @param {Token[]} tokens */
function plot(token, at, tokens) {
  const [image, ...others] = tokens[at + 1]?.children ?? [];
  if (token.type !== 'paragraph_open' || image?.type !== 'image' || others.length > 0) return;
  if (!image.attrGet('src')?.endsWith('.svg')) return;
  token.attrSet('class', 'plot');
  token.attrSet('tabindex', '0');
}

module.exports = { readMarkdownAsHostsDo };
