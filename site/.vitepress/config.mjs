import { cpSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { repairComponents } from './repairs.mjs';

// VitePress bundles what a configuration imports, in a form in which CommonJS does not work.
const require = createRequire(import.meta.url);
const { deadLinks } = require('../dead-links');
const { textUrlOf } = require('../links');
const { readMarkdownAsHostsDo } = require('../markdown');
const { addressOf, allPages, counterpartOf, faultsOf, groups, languageOf, root, urlOf } = require('../pages');
const { navOf, sidebarOf } = require('../navigation');
const { chinese, english, tokenize } = require('../words');

const faults = faultsOf(groups);
if (faults.length > 0) throw new Error(faults.join('\n'));

const others = readdirSync(root).filter((name) => !['docs', 'bench'].includes(name) && !allPages.includes(name));
/** Files that pages link to and that are no pages. */
const files = new Set();
const home = fileURLToPath(new URL('..', import.meta.url));

/** @param {import('../pages').Language} language */
const wordsOf = (language, { description, themeConfig }) => ({
  description,
  themeConfig: { ...themeConfig, nav: navOf(language), sidebar: sidebarOf(language) },
});

export default defineConfig({
  title: 'koa-evented-session',
  srcDir: root,
  srcExclude: others.flatMap((name) => [name, `${name}/**`]),
  rewrites: addressOf,
  outDir: join(home, 'dist'),
  cacheDir: join(home, 'node_modules/.cache'),
  locales: {
    root: { label: 'English', lang: 'en', ...wordsOf('en', english) },
    zh: { label: '中文', lang: 'zh-CN', ...wordsOf('zh', chinese) },
  },
  themeConfig: {
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        miniSearch: { options: { tokenize } },
        locales: { zh: { translations: chinese.search } },
      },
    },
  },
  transformHead: ({ siteData: { base } }) => [
    ['link', { rel: 'icon', href: `${base}icon.svg`, type: 'image/svg+xml' }],
  ],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // On a slow machine it would give up within a program, and leave its end without colours.
    shikiSetup(highlighter) {
      const { codeToHtml } = highlighter;
      highlighter.codeToHtml = (code, options) => codeToHtml(code, { ...options, tokenizeTimeLimit: 0 });
    },
    // Code hosts read the same pages, and do none of these.
    linkify: false,
    attrs: { disable: true },
    ...readMarkdownAsHostsDo(files),
  },
  vite: {
    plugins: [
      repairComponents,
      {
        // The pages are outside of this folder, and find no Vue by themselves.
        name: 'vue-of-the-site',
        enforce: 'pre',
        resolveId(source, importer, options) {
          if (!/^vue(\/|$)/.test(source) || importer?.startsWith(home)) return undefined;
          return this.resolve(source, join(home, 'package.json'), { ...options, skipSelf: true });
        },
      },
    ],
    publicDir: join(home, 'public'),
    resolve: {
      alias: [{ find: /^.*\/composables\/langs$/, replacement: join(home, '.vitepress/theme/languages.js') }],
    },
  },
  transformPageData({ filePath, title, frontmatter }) {
    if (filePath.startsWith('docs/api/')) frontmatter.pageClass = 'api';
    const other = languageOf(filePath) === 'zh' ? 'en' : 'zh';
    const counterpart = counterpartOf(filePath, other);
    // The switch of languages leads there; a page without a translation leads to the beginning.
    frontmatter.counterpart = urlOf(counterpart ?? (other === 'zh' ? 'docs/zh/README.md' : 'README.md'));
    return { title: title.replaceAll('`', '') };
  },
  buildEnd({ outDir, site }) {
    for (const file of files) cpSync(join(root, file), join(outDir, textUrlOf(file)));
    const dead = deadLinks(outDir, site.base);
    if (dead.length > 0) throw new Error(dead.join('\n'));
  },
});
