import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deadLinks } from '../../site/dead-links';
import { siteLink, siteText } from '../../site/links';
import { navOf, sidebarOf } from '../../site/navigation';
import { addressOf, allPages, faultsOf, type Group, groups, languageOf, pagesOf, urlOf } from '../../site/pages';
import { tokenize } from '../../site/words';
import { pages, referencePages } from '../helpers/docs/markdown';

describe('the pages of the site', () => {
  it('are those of the documentation, each in one group of site/pages.js', () => {
    expect(faultsOf(groups)).toEqual([]);
    expect(allPages).toEqual(expect.arrayContaining([...pages, ...referencePages]));
  });

  it('are missed if they are in no group, or in two', () => {
    const group = (...pages: string[]): Group => ({ en: 'Start', zh: '开始', pages });
    const [first, ...others] = groups as [Group, ...Group[]];
    expect(first.pages).toContain('README.md');
    const where = 'site/pages.js';
    expect(faultsOf(others)).toContain(`README.md is in no group of ${where}`);
    expect(faultsOf(others)).toContain(`docs/zh/README.md is in no group of ${where}`);
    expect(faultsOf([...groups, group('docs/redis.md')])).toEqual([`docs/redis.md is in two groups of ${where}`]);
  });

  it('are left out of the sidebar until they are written', () => {
    expect(pagesOf({ en: 'Start', zh: '开始', pages: ['docs/none.md', 'docs/redis.md'] })).toEqual(['docs/redis.md']);
  });

  it('have different addresses', () => {
    const addresses = allPages.map(addressOf);
    expect(addresses.filter((address, at) => addresses.indexOf(address) !== at)).toEqual([]);
    expect(['README.md', 'docs/api/README.md', 'docs/zh/options.md', 'docs/zh/README.md'].map(urlOf)).toEqual([
      '/',
      '/api/',
      '/zh/options.html',
      '/zh/',
    ]);
  });

  it.each(['en', 'zh'] as const)(
    'are all in the sidebar, in %s, and those that are looked up most at the top',
    (language) => {
      const listed = sidebarOf(language).flatMap(({ items }) => items.map(({ link }) => link));
      const english = allPages.filter((page) => languageOf(page) === 'en');
      expect(listed).toHaveLength(english.length);
      const counterparts = language === 'en' ? english : allPages.filter((page) => languageOf(page) === 'zh');
      expect(listed).toEqual(expect.arrayContaining(counterparts.map(urlOf)));
      expect(listed).toEqual(expect.arrayContaining(navOf(language).map(({ link }) => link)));
    },
  );

  it('are named in English, and said to be, if they are not translated', () => {
    const names = sidebarOf('zh').flatMap(({ items }) => items.map(({ text, link }) => `${link} ${text}`));
    expect(names).toContain('/zh/options.html 选项');
    expect(names).toContain('/contributing.html <span lang="en">Contributing</span>');
    expect(names).toContain('/changelog.html <span lang="en">Changelog</span>');
  });

  it('keep the order of their folder, as its README has it', () => {
    const api = sidebarOf('en')
      .flatMap(({ items }) => items)
      .filter(({ link }) => link.startsWith('/api/'));
    expect(api.slice(0, 3).map(({ text }) => text)).toEqual(['API reference', 'koa-evented-session', '/cookie']);
  });
});

describe('links of the site', () => {
  it.each([
    ['docs/users.md', 'options.md#user', '/options.html#user'],
    ['docs/users.md', '../README.md', '/'],
    ['docs/users.md', '#above', '#above'],
    ['docs/zh/users.md', '../races.md', '/races.html'],
    ['README.md', 'docs/api/README.md', '/api/'],
    ['README.md', 'https://koajs.com', 'https://koajs.com'],
  ])('lead from %s, by %s, to %s', (page, link, place) => {
    const files = new Set<string>();
    expect(siteLink(link, page, files)).toBe(place);
    expect(files).toEqual(new Set());
  });

  it('lead to a text if they name another file', () => {
    const files = new Set<string>();
    expect(siteLink('../LICENSE', 'docs/users.md', files)).toBe('/files/LICENSE.txt');
    expect(files).toEqual(new Set(['LICENSE']));
  });

  it('are refused if there is no such file', () => {
    const follow = (link: string) => () => siteLink(link, 'docs/users.md', new Set());
    expect(follow('none.md')).toThrow('docs/users.md links to docs/none.md, which is no file');
    expect(follow('../examples')).toThrow('docs/users.md links to examples, which is no file');
  });

  it('show titles in place of the names of files', () => {
    expect([siteText('docs/at-rest.md'), siteText('here')]).toEqual(['At rest', 'here']);
  });
});

describe('the check of a built site', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'site-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['a page that is missing', '<a class="x" href="/none.html">', '/none.html'],
    ['an anchor that is missing', '<a href="/other.html#none">', '/other.html#none'],
    ['an anchor of its own that is missing', '<a href="#none">', '#none'],
    ['a picture that is missing', '<img alt="" src="/none.svg">', '/none.svg'],
    ['a folder without a page', '<a href="/empty/">', '/empty/'],
  ])('finds a link to %s', (_what, html, link) => {
    writeFileSync(join(folder, 'index.html'), html);
    writeFileSync(join(folder, 'other.html'), '<h1 id="there">');
    expect(deadLinks(folder)).toEqual([`index.html links to ${link}`]);
  });

  it('lets pass what leads somewhere', () => {
    const links = [
      '/',
      '#here',
      '/other.html#%E9%80%89%E9%A1%B9',
      './other.html',
      'https://koajs.com/none',
      'mailto:ann@example.com',
    ];
    writeFileSync(join(folder, 'index.html'), `<p id="here">${links.map((link) => `<a href="${link}">`).join('')}`);
    writeFileSync(join(folder, 'other.html'), '<h2 id="选项" tabindex="-1">');
    expect(deadLinks(folder)).toEqual([]);
  });

  it('knows the path of the site on its host', () => {
    writeFileSync(join(folder, 'index.html'), '<a href="/docs/"><a href="/elsewhere/">');
    expect(deadLinks(folder, '/docs/')).toEqual(['index.html links to /elsewhere/']);
  });
});

describe('the search of the site', () => {
  it('takes words of Latin letters as they are, and each two characters of Chinese as a word', () => {
    expect(tokenize('The `session_id` of koa2')).toEqual(['The', 'session', 'id', 'of', 'koa2']);
    expect(tokenize('会话密钥，用 id 签名')).toEqual(['会话', '话密', '密钥', '用', 'id', '签名']);
  });
});
