const { existsSync, statSync } = require('node:fs');
const { join, posix } = require('node:path');
const { allPages, root, titleOf, urlOf } = require('./pages');

/** Where the site has a file of the repository that is not a page, to be read as text. @param {string} file */
const textUrlOf = (file) => `/files/${file}.txt`;

/**
 * The file that a link of a page leads to, and the anchor in it; undefined if it leads within the page, or to another host.
 *
 * @param {string} link
 * @param {string} page
 */
function targetOf(link, page) {
  if (/^(#|\w+:)/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  return { file: posix.join(posix.dirname(page), decodeURI(path)), hash: anchor === undefined ? '' : `#${anchor}` };
}

/**
 * Where a link of a page leads to on the site. A file that is not a page is added to `files`.
 *
 * @param {string} link
 * @param {string} page the file that has the link
 * @param {Set<string>} files
 */
function siteLink(link, page, files) {
  const target = targetOf(link, page);
  if (target === undefined) return link;
  const { file, hash } = target;
  if (allPages.includes(file)) return `${urlOf(file)}${hash}`;
  if (!existsSync(join(root, file)) || !statSync(join(root, file)).isFile()) {
    throw new Error(`${page} links to ${file}, which is no file`);
  }
  files.add(file);
  return textUrlOf(file);
}

/** What a link that shows the name of a page's file shows on the site, where pages have titles. @param {string} text */
function siteText(text) {
  return allPages.includes(text) ? titleOf(text) : text;
}

module.exports = { siteLink, siteText, textUrlOf };
