import Koa from 'koa';
import { docs } from '../../demo/docs';
import { pages, referencePages } from '../helpers/docs/markdown';
import { browser, type Served, serve } from '../helpers/http/serve';

/** The values of these attributes in a page. */
const valuesOf = (html: string, names: string) =>
  Array.from(html.matchAll(new RegExp(`<[^>]*? (?:${names})="([^"]*)"`, 'g')), ([, value = '']) => value);

describe('the docs in the demo', () => {
  let site: Served;
  beforeAll(async () => {
    site = await serve(new Koa().use(docs as Koa.Middleware));
  });
  afterAll(() => site.close());

  it('have no link, anchor or picture that leads nowhere', async () => {
    const visitor = browser(site.url);
    const answers = new Map<string, { status: number; ids: string[]; links: string[] }>();
    const visit = async (path: string) => {
      const { status, text, headers } = await visitor.get(path);
      const html = headers.get('content-type')?.startsWith('text/html') ? (text.split('<main')[1] ?? '') : '';
      const answer = { status, ids: valuesOf(html, 'id'), links: valuesOf(html, 'href|src') };
      answers.set(path, answer);
      return answer;
    };

    const dead: string[] = [];
    const all = [...pages, ...referencePages, 'CHANGELOG.md', 'SECURITY.md', 'bench/RESULTS.md'];
    for (const page of all) {
      const { status, links } = answers.get(`/${page}`) ?? (await visit(`/${page}`));
      expect([page, status]).toEqual([page, 200]);
      for (const link of new Set(links)) {
        const { origin, pathname, hash } = new URL(link, `${site.url}/${page}`);
        // Overview, shop and blog are not here.
        if (origin !== site.url || ['/', '/shop/', '/blog/'].includes(pathname)) continue;
        const target = answers.get(pathname) ?? (await visit(pathname));
        const isThere = hash === '' || target.ids.includes(decodeURIComponent(hash.slice(1)));
        if (target.status !== 200 || !isThere) dead.push(`${page}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
    expect(answers.size).toBeGreaterThan(all.length);
  });
});
