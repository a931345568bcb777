import session from '../lib/main';
import { browser } from './helpers/http';
import { codeBlocks, headings, isThere, linksOf, pages, textOf } from './helpers/markdown';
import { type NodeProgram, startNode } from './helpers/node-program';
import { type RedisServer, startRedis } from './helpers/redis-server';
import { asJavaScript, problemsIn, stringsOf } from './helpers/type-check';

jest.setTimeout(60_000);

const blocks = pages.flatMap((page) => codeBlocks(page));

/** Names that a block may use without saying where they come from. */
const globals = `
  declare const app: import('koa');
  declare const shop: import('koa');
  declare const blog: import('koa');
  declare const router: import('@koa/router').Router;
  declare const session: typeof import('koa-evented-session');
  declare const redisStore: typeof import('koa-redis');
  declare const client: import('koa-evented-session').SessionStore;
`;

/** JavaScript cannot say what its sessions hold: that they hold the unknown is no fault there. */
const aboutUnknown = [2365, 2488, 2571, 18046];
const loose = {
  strict: false,
  noPropertyAccessFromIndexSignature: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  noImplicitReturns: false,
};

describe('code in the documentation', () => {
  const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));
  const runnable = blocks.filter(({ transcript }) => transcript.length > 0);

  it('is of a language that these specs check, and there is some of each kind', () => {
    expect(blocks.filter(({ language }) => !['sh', 'js', 'ts'].includes(language))).toEqual([]);
    expect([inLanguage('js').length > 5, inLanguage('ts').length > 1, runnable.length > 3]).toEqual([true, true, true]);
  });

  it.each(inLanguage('js'))('compiles as JavaScript: $place', ({ code }) => {
    const problems = problemsIn('block.js', code, globals, loose).filter(
      (problem) => !aboutUnknown.includes(problem.code),
    );
    expect(problems).toEqual([]);
  });

  it.each(inLanguage('ts'))('compiles as strict TypeScript: $place', ({ code }) => {
    expect(problemsIn('block.ts', code, globals)).toEqual([]);
  });

  it.each([
    ['an option that does not exist', 'session({ stoer: client });', 'stoer'],
    ['a method that does not exist', 'app.use((ctx) => ctx.sessionHandler.touchIt());', 'touchIt'],
    ['an export that does not exist', "const { Stoer } = require('koa-evented-session');\nnew Stoer();", 'Stoer'],
    ['what is not JavaScript', 'app.use((ctx => );', 'expected'],
  ])('would not compile with %s', (_what, code, named) => {
    const [problem] = problemsIn('block.js', code, globals, loose).filter(({ code: it }) => !aboutUnknown.includes(it));
    expect(problem?.text).toContain(named);
  });

  describe('with a transcript', () => {
    let redis: RedisServer;
    let program: NodeProgram | undefined;

    beforeAll(async () => {
      redis = await startRedis();
    });
    afterEach(() => program?.end());
    afterAll(() => redis.stop());

    it.each(runnable)('does what it says: $place', async ({ language, code, transcript }) => {
      const source = language === 'ts' ? asJavaScript(code) : code;
      const env = { REDIS_URL: redis.url, SESSION_SECRET: 'the secret of the specs', SESSION_KEY: 'ab'.repeat(64) };
      program = await startNode(['--require', './spec/helpers/free-port.js', '--eval', source], env);
      const [url] = await program.says(/^http:\S+$/m);
      const visitor = browser(url);
      const heard: string[] = [];
      for (const { method, path } of transcript) {
        const { status, text } = await visitor.request(method, path);
        heard.push(`${status} ${text}`);
      }
      expect(heard).toEqual(transcript.map(({ reply }) => reply));
      if (code.includes('SIGTERM')) expect(await program.end('SIGTERM')).toBe(0);
    });
  });
});

describe('pages of the documentation', () => {
  it('have a heading for every error code, and for nothing else', () => {
    expect(headings('docs/errors.md', 2).sort()).toEqual(stringsOf('SessionErrorCode').sort());
  });

  it('are where errors say that they are', () => {
    const codes = stringsOf('SessionErrorCode') as session.SessionErrorCode[];
    const places = codes.map((code) => new session.SessionError(code, 'failed').docs);
    expect(places.filter((place) => !isThere(place))).toEqual([]);
    expect(places).toContain('docs/errors.md#err_session_store');
  });

  it('have a heading for every option, and a row in the table of the README', () => {
    const options = stringsOf('keyof SessionOptions').sort();
    expect(headings('docs/options.md', 2).sort()).toEqual(options);
    const table =
      textOf('README.md')
        .split(/^## /m)
        .find((section) => section.startsWith('Options')) ?? '';
    expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name).sort()).toEqual(options);
  });

  it('link to what is there', () => {
    const links = pages.flatMap((page) => linksOf(page));
    expect(links.filter((link) => !isThere(link))).toEqual([]);
    expect(links.length).toBeGreaterThan(5);
  });
});
