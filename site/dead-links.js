const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs');
const { join } = require('node:path');

/**
 * The links of a built site that lead nowhere: to a file that is not in the folder, or to an anchor that the page has not.
 *
 * @param {string} folder
 * @param {string} base where the site is on its host, as in `/docs/`
 * @returns {string[]} one message for each
 */
function deadLinks(folder, base = '/') {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
  const pages = new Map(files.map((file) => [file.replaceAll('\\', '/'), readFileSync(join(folder, file), 'utf8')]));
  return [...pages].flatMap(([page, html]) =>
    linksIn(html)
      .filter((link) => !leadsSomewhere(link, page))
      .map((link) => `${page} links to ${link}`),
  );

  /** @param {string} link @param {string} page */
  function leadsSomewhere(link, page) {
    const url = new URL(link, `http://site${base}${page}`);
    // What other hosts have is theirs.
    if (url.host !== 'site') return true;
    if (!url.pathname.startsWith(base)) return false;
    const path = decodeURI(url.pathname.slice(base.length));
    const file = path === '' || path.endsWith('/') ? `${path}index.html` : path;
    if (!existsSync(join(folder, file)) || !statSync(join(folder, file)).isFile()) return false;
    return url.hash === '' || idsIn(pages.get(file) ?? '').has(decodeURIComponent(url.hash.slice(1)));
  }
}

/** @param {string} html */
const linksIn = (html) => [...new Set(valuesOf(html, 'href|src'))];

/** @param {string} html */
const idsIn = (html) => new Set(valuesOf(html, 'id'));

/** @param {string} html @param {string} names */
function valuesOf(html, names) {
  const values = html.matchAll(new RegExp(`<[^>]*? (?:${names})="([^"]*)"`, 'g'));
  return Array.from(values, ([, value = '']) => value.replaceAll('&amp;', '&').replaceAll('&quot;', '"'));
}

module.exports = { deadLinks };
