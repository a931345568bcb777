import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import Koa from 'koa';
import { isThere, textOf } from '../helpers/docs/markdown';
import { type Served, serve } from '../helpers/http/serve';
import { checkOut, emptyFolder, output } from '../helpers/package/npm';

interface Published {
  readonly readme: string;
  readonly repository?: object;
  readonly homepage?: string;
}

const published: Published[] = [];
/** The end of a registry that takes packages in. */
const takesIn: Koa.Middleware = async (ctx) => {
  if (ctx.method !== 'PUT') return;
  const { versions } = (await json(ctx.req)) as { versions: Record<string, Published> };
  published.push(...Object.values(versions));
  ctx.status = 201;
  ctx.body = {};
};
let registry: Served;
const folder = join(emptyFolder(), 'checkout');
const github = {
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'shop/session',
  GITHUB_SERVER_URL: 'https://github.com',
};

beforeAll(async () => {
  checkOut(folder);
  registry = await serve(new Koa().use(takesIn));
});
afterAll(() => registry.close());

/** Leaves `prepack` out: another spec builds and packs. */
function writeManifest(repository?: object): void {
  const manifest = JSON.parse(textOf('package.json')) as { scripts: object };
  const scripts = { ...manifest.scripts, prepack: undefined };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, scripts, repository }));
}

/** Publishes with the variables of a CI, if any. Resolves to '', or to what npm says if it fails. */
async function publish(variables: Record<string, string>, ...flags: string[]): Promise<string> {
  const none = ['GITHUB_ACTIONS', 'GITLAB_CI'].flatMap((name) => ['-u', name]);
  const own = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const login = [
    `--registry=${registry.url}/`,
    `--//127.0.0.1:${registry.port}/:_authToken=any`,
    '--no-ignore-scripts',
  ];
  // Only the CI of a public repository can sign.
  return output(folder, 'env', ...none, ...own, 'npm', 'publish', '--no-provenance', ...login, ...flags).then(
    () => '',
    (error: Error) => error.message,
  );
}

beforeEach(() => {
  published.length = 0;
  writeManifest();
});

describe('A published package', () => {
  it('names the repository that GitHub Actions published it from, and its page follows README there', async () => {
    expect(await publish(github)).toBe('');
    const [{ readme, repository, homepage }] = published as [Published];
    expect(repository).toEqual({ type: 'git', url: 'git+https://github.com/shop/session.git' });
    expect(homepage).toBe('https://github.com/shop/session#readme');
    expect(readme).toBe(textOf('README.md'));

    const links = linksOnPage(readme, 'https://github.com/shop/session/blob/HEAD/');
    const inside = links.flatMap(
      (link) => link.match(/(?<=^https:\/\/github.com\/shop\/session\/blob\/HEAD\/).+/) ?? [],
    );
    expect(inside).toEqual(
      expect.arrayContaining(['docs/options.md', 'docs/demo.png', 'docs/zh/README.md', 'LICENSE']),
    );
    expect(inside.filter((target) => !isThere(decodeURI(target)) || /^(dist|coverage)\//.test(target))).toEqual([]);
    expect(links.filter((link) => !link.startsWith('https://'))).toEqual([]);
  });

  it('names the repository that GitLab CI published it from', async () => {
    // npm passes its options on to its scripts.
    expect(await publish({ GITLAB_CI: 'true', CI_PROJECT_URL: 'https://gitlab.com/shop/session' }, '--json')).toBe('');
    const [{ repository, homepage }] = published as [Published];
    expect(repository).toEqual({ type: 'git', url: 'git+https://gitlab.com/shop/session.git' });
    expect(homepage).toBe('https://gitlab.com/shop/session#readme');
  });

  it('keeps the repository that package.json names', async () => {
    const own = { type: 'git', url: 'git+https://github.com/shop/other.git' };
    writeManifest(own);
    expect(await publish(github)).toBe('');
    expect(published).toEqual([expect.objectContaining({ repository: own })]);
  });

  it('is not published without a repository, and npm says what to run', async () => {
    expect(await publish({})).toContain('npm pkg set repository.type=git repository.url=');
    expect(published).toEqual([]);
  });

  it('is tried without a change of package.json, and without a repository', async () => {
    const before = readFileSync(join(folder, 'package.json'), 'utf8');
    expect(await publish({}, '--dry-run')).toBe('');
    expect(await publish(github, '--dry-run')).toBe('');
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe(before);
    expect(published).toEqual([]);
  });
});

/** Where the links and pictures of README lead on npm, which resolves the relative ones by `repository`. */
function linksOnPage(readme: string, base: string): string[] {
  const links = readme.matchAll(/\]\((?!#)([^)\s]+)|(?:src|href|srcset)="([^"]+)"/g);
  return Array.from(links, ([, markdown, html = '']) => new URL(markdown ?? html, base).href);
}
