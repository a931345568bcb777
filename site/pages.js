const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join, posix } = require('node:path');

const root = join(__dirname, '..');

/** @typedef {'en' | 'zh'} Language */
/** @typedef {{ en: string, zh: string, pages: string[] }} Group */

/**
 * The pages of the site by need: files of the repository, and folders, which the README in them puts in order. Each page is in
 * one group; a translation comes with its English page. A page that is not written yet is left out.
 *
 * @type {Group[]}
 */
const groups = [
  { en: 'Start', zh: '开始', pages: ['README.md', 'docs/getting-started.md', 'docs/comparison.md'] },
  {
    en: 'Guides',
    zh: '指南',
    pages: [
      'docs/races.md',
      'docs/users.md',
      'docs/security.md',
      'docs/at-rest.md',
      'docs/websockets.md',
      'docs/testing.md',
    ],
  },
  {
    en: 'Stores',
    zh: '存储',
    pages: [
      'docs/stores.md',
      'docs/redis.md',
      'docs/sql.md',
      'docs/express.md',
      'docs/keyv.md',
      'docs/cookie.md',
      'docs/stores-testing.md',
    ],
  },
  { en: 'Recipes', zh: '实用示例', pages: ['docs/recipes/'] },
  {
    en: 'Operating',
    zh: '运维',
    pages: [
      'docs/running.md',
      'docs/troubleshooting.md',
      'docs/outages.md',
      'docs/prefixes.md',
      'docs/speed.md',
      'bench/RESULTS.md',
    ],
  },
  { en: 'Reference', zh: '参考', pages: ['docs/options.md', 'docs/errors.md', 'docs/api/'] },
  {
    en: 'Migrating',
    zh: '迁移',
    pages: [
      'docs/migrating-from-koa-generic-session.md',
      'docs/migrating-from-koa-session.md',
      'docs/migrating-from-koa-session-minimal.md',
      'docs/migrating-from-egg-session.md',
    ],
  },
  { en: 'Project', zh: '项目', pages: ['docs/versions.md', 'docs/contributing.md', 'SECURITY.md', 'CHANGELOG.md'] },
];

/** Pages whose address is not that of their file. */
const addresses = new Map([
  ['README.md', 'index.md'],
  ['CHANGELOG.md', 'changelog.md'],
  ['SECURITY.md', 'reporting.md'],
  ['bench/RESULTS.md', 'results.md'],
]);

/** Where the site has a page, as a file in it: `docs/api/README.md` is `api/index.md`. @param {string} page */
function addressOf(page) {
  const address = addresses.get(page) ?? page.replace(/^docs\//, '');
  return address.replace(/(^|\/)README\.md$/, '$1index.md');
}

/** All pages of the site: the documentation in both languages, and what stands outside of its folder. */
const allPages = [...addresses.keys(), ...markdownIn('docs')].filter(isWritten);

/** @param {string} page */
function isWritten(page) {
  return existsSync(join(root, page));
}

/** @param {string} folder */
function markdownIn(folder) {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.md')).map((file) => posix.join(folder, ...file.split(/[\\/]/)));
}

/** @param {string} page */
const urlOf = (page) => `/${addressOf(page)}`.replace(/index\.md$/, '').replace(/\.md$/, '.html');

/** @param {string} page @returns {Language} */
const languageOf = (page) => (page.startsWith('docs/zh/') ? 'zh' : 'en');

const readmes = ['README.md', 'docs/zh/README.md'];

/** The page in that language, which may not have it. @param {string} page @param {Language} language */
function counterpartOf(page, language) {
  if (readmes.includes(page)) return readmes[language === 'zh' ? 1 : 0];
  // What is outside of the documentation is in English.
  if (language === 'zh' && !page.startsWith('docs/')) return undefined;
  const english = page.replace('docs/zh/', 'docs/');
  const counterpart = language === 'zh' ? english.replace('docs/', 'docs/zh/') : english;
  return isWritten(counterpart) ? counterpart : undefined;
}

/** Its first heading. @param {string} page */
function titleOf(page) {
  const [, title = page] = /^# (.+)$/m.exec(readFileSync(join(root, page), 'utf8')) ?? [];
  return title.replaceAll('`', '');
}

/** The English pages of a group, in order. @param {Group} group */
function pagesOf(group) {
  return group.pages.filter(isWritten).flatMap((page) => (page.endsWith('/') ? pagesIn(page) : page));
}

/** The pages of a folder: its README, those that it links to, in that order, and the others. @param {string} folder */
function pagesIn(folder) {
  const index = `${folder}README.md`;
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
  const links = readFileSync(join(root, index), 'utf8').matchAll(/\]\(([^)#]+\.md)/g);
  const linked = Array.from(links, ([, link = '']) => posix.join(folder, link));
  const pages = names.map((name) => `${folder}${name}`);
  return [...new Set([index, ...linked.filter((page) => pages.includes(page)), ...pages])];
}

/** What is wrong with `groups`: pages in none, or in two. @param {readonly Group[]} given */
function faultsOf(given) {
  const listed = given.flatMap(pagesOf);
  const missing = allPages.filter((page) => !listed.includes(counterpartOf(page, 'en') ?? page));
  return [
    ...missing.map((page) => `${page} is in no group of site/pages.js`),
    ...listed
      .filter((page, at) => listed.indexOf(page) !== at)
      .map((page) => `${page} is in two groups of site/pages.js`),
  ];
}

module.exports = { groups, allPages, pagesOf, languageOf, addressOf, urlOf, counterpartOf, titleOf, faultsOf, root };
