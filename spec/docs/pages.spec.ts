import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import Koa from 'koa';
import session, { MemoryStore } from '../../lib/main';
import { isCliCommand } from '../helpers/cli/documented';
import { type CodeBlock, codeBlocks, headings, isThere, linksOf, pages, textOf } from '../helpers/docs/markdown';
import { translations } from '../helpers/docs/translations';
import {
  asJavaScript,
  declarationFiles,
  type Problem,
  problemsIn,
  problemsOf,
  stringsOf,
} from '../helpers/docs/type-check';
import { browser, type Served, serve } from '../helpers/http/serve';
import { type NodeProgram, root, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { fakeDate, pass } from '../helpers/time/fake-date';

/** Without the translations: translation.spec.ts compares their code with that of the English pages. */
const blocks = pages.filter((page) => ![...translations.values()].includes(page)).flatMap((page) => codeBlocks(page));

/** Names that a block may use without an import. */
const globals = `
  declare const app: import('koa');
  declare const shop: import('koa');
  declare const blog: import('koa');
  declare const router: import('@koa/router').Router;
  declare const session: typeof import('koa-evented-session');
  declare const passport: import('koa-passport').KoaPassport;
  declare const redisStore: typeof import('koa-redis');
  declare const client: import('koa-evented-session').SessionStore;
`;

/** JavaScript cannot declare what its sessions hold, so unknown keys are no fault there. */
const aboutUnknown = [2365, 2488, 2571, 18046];
const isAboutUnknown = ({ code, text }: Problem) => aboutUnknown.includes(code) || text.endsWith("on type 'unknown'.");
const loose = {
  strict: false,
  noPropertyAccessFromIndexSignature: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  noImplicitReturns: false,
};

/** Lines that spec/first-contact enters, in the sections that it plays. */
const isFirstContact =
  /^(npm pkg set type=module|npx tsc|node [\w/]+\.m?[jt]s|export (REDIS|DATABASE)_URL=\S+|export SESSION_SECRET=\$\(.+\))$/;

/** Commands for the documentation's readers, each on a line, without what they are good for. */
const commandsIn = (code: string) => code.split('\n').map((line) => line.replace(/#.*$/, '').trim());

/** Where a file of the worked example belongs, by its first line. */
const placeOf = (code: string) => /^\/\/ (\S+\.ts)$/m.exec(code)?.[1] ?? 'block.ts';
const files = Object.fromEntries(
  blocks.map(({ code }) => [placeOf(code), code]).filter(([place]) => place !== 'block.ts'),
) as Record<string, string>;

/** Whether the spec of a recipe starts this program, which it finds by a part of it. */
const isRecipe = ({ place, code }: CodeBlock) => {
  const [, name] = /^docs\/recipes\/(.+)\.md:/.exec(place) ?? [];
  const spec = name === undefined ? '' : `spec/recipes/${name}.spec.ts`;
  if (!existsSync(join(root, spec)) || spec === '') return false;
  return [...textOf(spec).matchAll(/\brecipe\('[\w-]+', (['"])(.+?)\1\)/g)].some(([, , part = '']) =>
    code.includes(part),
  );
};

describe('code in the documentation', () => {
  const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));
  /** spec/first-contact runs them: they need packages, a database or a compiler. */
  const isStart = ({ place }: CodeBlock) => place.startsWith('docs/getting-started.md:');
  const runnable = blocks.filter((block) => block.transcript.length > 0 && !isStart(block));
  const tests = blocks.filter(({ code }) => code.includes("'node:test'"));
  const redisCommands = inLanguage('sh').filter(({ code }) => code.startsWith('redis-cli'));

  it('is in a language that these specs check, and every kind occurs', () => {
    const known = ['sh', 'js', 'ts', 'json', 'nginx'];
    expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([]);
    expect([inLanguage('js').length > 5, inLanguage('ts').length > 1, runnable.length > 3]).toEqual([true, true, true]);
  });

  it.each(pages)('is fenced in a way that these specs recognise: %s', (page) => {
    const fences = [...textOf(page).matchAll(/^\s*(```|~~~)/gm)];
    expect(fences).toHaveLength(2 * codeBlocks(page).length);
  });

  it('is run if it is a whole program', () => {
    const whole = inLanguage('js', 'ts').filter(({ code }) => code.includes('.listen(') && code.includes('new Koa()'));
    const isRun = (block: CodeBlock) =>
      runnable.includes(block) || tests.includes(block) || isRecipe(block) || isStart(block);
    expect(whole.filter((block) => !isRun(block))).toEqual([]);
  });

  it.each(inLanguage('sh'))('has only commands that exist: $place', (block) => {
    const { code } = block;
    const scripts: object = require('../../package.json').scripts;
    const isKnown = (command: string) => {
      const script = /^npm run (?:-s )?([\w:-]+)(?: -- .+)?$|^npm (start|test)$/.exec(command);
      if (script) return (script[1] ?? script[2] ?? '') in scripts;
      const [spec] = /spec\/\S+/.exec(command) ?? [];
      if (spec) return existsSync(join(root, spec));
      const [, printed] = /^node -p "([^"]+)"$/.exec(command) ?? [];
      if (command.includes('npx koa-evented-session')) return isCliCommand(command);
      if (/^export [A-Z_]+="\$[A-Z_]+"$/.test(command)) return true;
      if (printed) return execFileSync(process.execPath, ['-p', printed], { encoding: 'utf8' }).trim().length > 0;
      return (
        /^npm (ci|init -y|(un)?install [\w@/. -]+)$/.test(command) || (isStart(block) && isFirstContact.test(command))
      );
    };
    // Statements of SQL are run by the specs of their stores.
    if (/^(redis-cli|mysql|mariadb) /.test(code)) return;
    expect(commandsIn(code).filter((command) => !command.split(' && ').every(isKnown))).toEqual(['']);
  });

  describe('in JavaScript', () => {
    const scripts = inLanguage('js').filter((block) => !tests.includes(block));
    const wrong: [what: string, code: string, named: string][] = [
      ['an option that does not exist', 'session({ stoer: client });', 'stoer'],
      ['a method that does not exist', 'app.use((ctx) => ctx.sessionHandler.touchIt());', 'touchIt'],
      ['an export that does not exist', "const { Stoer } = require('koa-evented-session');\nnew Stoer();", 'Stoer'],
      ['what is not JavaScript', 'app.use((ctx => );', 'expected'],
    ];
    let problems: ReturnType<typeof problemsOf>;
    beforeAll(() => {
      const all = [...scripts.map(({ place, code }) => [place, code] as const), ...wrong];
      const files = Object.fromEntries(all.map(([name, code]) => [fileOf(name, code), code]));
      problems = problemsOf(files, globals, { ...loose, skipLibCheck: false });
    });
    const fileOf = (name: string, code: string) => `${name}.${/^import /m.test(code) ? 'mjs' : 'js'}`;
    const known = (name: string, code: string) =>
      problems(fileOf(name, code)).filter((problem) => !isAboutUnknown(problem));

    it.each(scripts)('compiles: $place', ({ place, code }) => {
      expect(known(place, code)).toEqual([]);
    });

    it.each(declarationFiles)('relies on declarations that compile: %s', (name) => {
      expect(problems(name)).toEqual([]);
    });

    it.each(wrong)('would not compile with %s', (what, code, named) => {
      expect(known(what, code)[0]?.text).toContain(named);
    });
  });

  it.each(inLanguage('ts'))('compiles as strict TypeScript: $place', ({ code }) => {
    const options = { noPropertyAccessFromIndexSignature: false };
    expect(problemsIn(placeOf(code), code, globals, options, files)).toEqual([]);
  });

  it.each(inLanguage('json'))('is JSON: $place', ({ code }) => {
    expect(JSON.parse(code)).toEqual(expect.any(Object));
  });

  describe('that is run', () => {
    let redis: RedisServer;
    let program: NodeProgram | undefined;

    beforeAll(async () => {
      redis = await startRedis();
    });
    beforeEach(() => redis.command('FLUSHALL'));
    afterEach(() => program?.end());
    afterAll(() => redis.stop());

    it.each(runnable)('does what it says: $place', async ({ language, code, transcript }) => {
      const source = language === 'ts' ? asJavaScript(code) : code;
      const env = {
        NODE_PATH: join(root, 'spec/interop/node_modules'),
        REDIS_URL: redis.url,
        SESSION_SECRET: 'the secret of the specs',
        SESSION_KEY: 'ab'.repeat(64),
      };
      program = await startNode(['--require', './spec/helpers/programs/free-port.js', '--eval', source], env);
      const [url] = await program.says(/^http:\S+$/m);
      let visitor = browser(url);
      const heard: string[] = [];
      for (const { isOther, method, path } of transcript) {
        if (isOther) visitor = browser(url);
        const { status, text } = await visitor.request(method, path);
        heard.push(`${status} ${text}`);
      }
      expect(heard).toEqual(transcript.map(({ reply }) => reply));
      if (code.includes('SIGTERM')) expect(await program.end('SIGTERM')).toBe(0);
    });

    it.each(tests)('passes: $place', async ({ code }) => {
      const packages = { NODE_PATH: join(root, 'spec/interop/node_modules') };
      const env = { ...packages, SESSION_SECRET: 'the secret of the specs', REDIS_URL: redis.url };
      program = await startNode(['--test-reporter=tap', '--eval', code], env);
      await program.says(/^# fail 0$/m);
      expect(program.output).toMatch(/^# pass [1-9]/m);
    });

    it.each(redisCommands)('is understood by Redis: $place', async ({ code }) => {
      await redis.command('SET koa:sess:abc {} PX 60000');
      const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', code], {
        env: { ...process.env, REDIS_URL: redis.url },
      });
      expect(stderr).toBe('');
      expect(stdout.trim()).toMatch(/^(OK|1)$/);
    });

    it('moves sessions to another prefix, with their remaining time', async () => {
      const move = redisCommands.find(({ code }) => code.includes('RENAMENX'));
      await redis.command('SET koa:sess:abc {} PX 60000');
      const env = { ...process.env, REDIS_URL: redis.url };
      await promisify(execFile)('sh', ['-ec', String(move?.code)], { env });
      expect(await redis.command('GET shop:sess:abc')).toBe('{}');
      expect(Number((await redis.command('PTTL shop:sess:abc')).replace(':', ''))).toBeGreaterThan(50_000);
      expect(await redis.command('EXISTS koa:sess:abc')).toMatch(/0$/);
    });
  });
});

describe('the store that docs/contributing.md adds', () => {
  const load = (place: string): object => {
    const module = { exports: {} };
    const requireFrom = (path: string) => {
      const target = join(dirname(place), path);
      return `${target}.ts` in files ? load(`${target}.ts`) : require(join('../..', target));
    };
    new Function('module', 'exports', 'require', asJavaScript(String(files[place])))(
      module,
      module.exports,
      requireFrom,
    );
    return module.exports;
  };

  load('spec/stores/map.spec.ts');

  it('has an entry point', () => {
    expect(Object.keys(load('lib/map.ts'))).toEqual(['MapStore']);
  });
});

describe('sessions that began before their time was limited', () => {
  const minute = 60_000;
  const secret = 'the secret of the specs';
  const recipe = blocks.find(({ place, code }) => /security/.test(place) && code.includes('rolling: true'))?.code ?? '';
  const program = `
    const Koa = require('koa');
    const session = require('koa-evented-session');
    const app = new Koa();
    app.keys = [process.env.SESSION_SECRET];
    ${recipe}
    app.use((ctx) => { ctx.body = ctx.session; });
    app.listen(3000);`;
  const serving: Served[] = [];
  afterEach(async () => {
    await Promise.all(serving.splice(0).map((served) => served.close()));
    jest.useRealTimers();
  });

  async function open(app: Koa): Promise<string> {
    const served = await serve(app);
    serving.push(served);
    return served.url;
  }

  /** The program's application, with its sessions in `store`. */
  function appOf(program: string, store: MemoryStore): Koa {
    const source = program
      .replace('session({', 'session({ store,')
      .replace(/^ *(const server = )?app\.listen\([\s\S]*/m, 'return app;');
    const packages: Record<string, unknown> = { koa: Koa, 'koa-evented-session': session };
    const run = new Function('require', 'process', 'store', source);
    return run((name: string) => packages[name], { env: { SESSION_SECRET: secret } }, store);
  }

  it.each([
    ['docs/security.md', program, 8],
    ['examples/rolling.js', textOf('examples/rolling.js'), 12],
  ])('continue for the full time, and no longer: %s', async (_place, program, hours) => {
    fakeDate();
    const store = new MemoryStore();
    const before = new Koa();
    before.keys = [secret];
    before
      .use(session({ store, genSid: () => 'known' }))
      .use((ctx) => Object.assign(ctx.session as session.Session, { user: 'Bea' }));
    const old = browser(await open(before));
    await old.get('/');
    const visitor = browser(await open(appOf(program, store)), old.jar);
    const isThere = () => store.get('koa:sess:known')?.['user'] === 'Bea';
    for (let passed = 0; passed < hours * 60; passed += 20) {
      await visitor.get('/');
      expect(isThere()).toBe(true);
      pass(20 * minute);
    }
    await visitor.get('/');
    expect(isThere()).toBe(false);
  });
});

describe('docs/contributing.md', () => {
  /** The cells of the first table after `text`, row by row. */
  const rowsAfter = (text: string): string[][] => {
    const [, after = ''] = textOf('docs/contributing.md').split(text);
    const [, rows = ''] = /^\|[-|]+\|\n((?:\|.*\n)+)/m.exec(after) ?? [];
    return rows
      .trim()
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  };

  it('has every folder of lib in its table, in the rows that the linter checks', () => {
    const { forbidden }: { forbidden: { name: string }[] } = require('../../.dependency-cruiser.cjs');
    const rows = forbidden.flatMap(({ name }) => /^row-(.+)$/.exec(name)?.[1] ?? []).map((row) => row.split('-'));
    const expected = rows.flatMap((row, at) => row.map((folder) => `${at + 1} ${folder}`));
    expect(rowsAfter('\n## The folders\n').map(([, row, folder]) => `${row} ${folder}`)).toEqual(expected);
    const folders = readdirSync(join(root, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(rows.flat().sort());
  });

  it.each(['persistence', 'session'])('says what every file of lib/%s does', (folder) => {
    const files = readdirSync(join(root, 'lib', folder)).map((name) => name.replace(/\.ts$/, ''));
    const named = rowsAfter(`\nThe files of \`${folder}\`:\n`).map(([, file]) => file);
    expect(named.sort()).toEqual(files.sort());
  });
});

describe('pages of the documentation', () => {
  /** The lines of a page, with code blanked out. */
  const proseOf = (page: string) =>
    textOf(page)
      .replace(/^```[\s\S]*?^```$/gm, (block) => block.replace(/.+/g, '`'))
      .split('\n');

  it.each(pages)('leave a blank line after a table, and around a heading: %s', (page) => {
    const lines = proseOf(page);
    const isHeading = (line: string) => /^#{1,6} /.test(line);
    const crowded = lines.filter((line, index) => {
      const previous = lines[index - 1] ?? '';
      if (line === '' || previous === '') return false;
      return isHeading(line) || isHeading(previous) || (previous.startsWith('|') && !line.startsWith('|'));
    });
    expect(crowded).toEqual([]);
  });

  it('have a heading for every error code, and no other', () => {
    const [warnings, ...errors] = headings('docs/errors.md', 2);
    expect(warnings).toBe('Process warnings');
    expect(errors.sort()).toEqual(stringsOf('SessionErrorCode').sort());
  });

  it('say of every error what happened, why, and what to do', () => {
    const [, , ...sections] = textOf('docs/errors.md').split(/^## /m);
    const parts = ['What happened', 'Why', 'What to do'].map((part) => `\n\n**${part}.** `);
    expect(sections.filter((section) => !parts.every((part) => section.includes(part)))).toEqual([]);
  });

  it('explain every process warning', () => {
    const named = /KOA_EVENTED_SESSION_\w+/g;
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const codes = sources.flatMap((file) => textOf(`lib/${file}`).match(named) ?? []);
    expect(new Set(textOf('docs/errors.md').match(named))).toEqual(new Set(codes));
  });

  it('are where errors refer to them', () => {
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

  it('link only to existing targets', () => {
    const links = [...pages, 'CHANGELOG.md', 'SECURITY.md'].flatMap((page) => linksOf(page));
    expect(links.filter((link) => !isThere(link))).toEqual([]);
    expect(links.length).toBeGreaterThan(5);
  });
});
