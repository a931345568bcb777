import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { CookieJar } from 'tough-cookie';
import { codeBlocks } from '../helpers/docs/markdown';
import { browser } from '../helpers/http/serve';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

const isLong = process.env['LONG'] === '1';
const programWith = (part: string) =>
  String(codeBlocks('docs/recipes/serverless.md').find(({ code }) => code.includes(part))?.code);
const inRedis = programWith('redisStore');
const inCookie = programWith('cookieStore');

interface Platform {
  /** Thaws the process, and sends a request. */
  get(path: string, jar: CookieJar): Promise<string>;
  thaw(): void;
  end(): Promise<unknown>;
}

const started: NodeProgram[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.end()));
});

const isFrozen = (pid: number) =>
  spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('T');

/** A process that runs the handler. With `freezes`, it stands still from the end of a response to the next request. */
async function platform(handler: string, env: Record<string, string>, freezes = false): Promise<Platform> {
  const all = {
    HANDLER: handler,
    SESSION_SECRET: 'the secret of the specs',
    ...(freezes ? { FREEZE: '1' } : {}),
    ...env,
  };
  const program = await startNode(['spec/helpers/programs/function-host.js'], all);
  started.push(program);
  const [url] = await program.says(/^http:\S+$/m);
  const thaw = () => void process.kill(program.pid, 'SIGCONT');
  return {
    async get(path, jar) {
      thaw();
      const { text } = await browser(url, jar).get(path);
      if (freezes) await until(() => isFrozen(program.pid));
      return text;
    },
    thaw,
    end: () => program.end(),
  };
}

describe('A short-lived process with sessions in Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterAll(() => redis.stop());

  /** Connections to Redis beside the one that asks. */
  const connections = async () => Number((await redis.info('clients'))['connected_clients']) - 1;
  /** What Redis has been asked since the last `CONFIG RESETSTAT`, beside questions of the spec. */
  const commands = async () =>
    Object.keys(await redis.info('commandstats'))
      .map((name) => name.replace('cmdstat_', ''))
      .filter((name) => !['info', 'config'].includes(name) && !/^(info|config)\b/.test(name));

  it('has one connection, however many requests come; a store in the handler has one for each', async () => {
    const env = { REDIS_URL: redis.url };
    const right = await platform(inRedis, env);
    const jar = new CookieJar();
    const texts: string[] = [];
    for (let n = 0; n < 5; n += 1) texts.push(await right.get('/', jar));
    expect([texts[4], await connections()]).toEqual(['views: 5', 1]);
    await right.end();
    await until(async () => (await connections()) === 0);

    const perRequest = inRedis
      .replace(
        /^const store = [\s\S]*?^\}\);$/m,
        (setup) => `const handle = () => {\n${setup}\nreturn app.callback();\n};`,
      )
      .replace(
        'module.exports = app.callback()',
        'module.exports = (request, response) => handle()(request, response)',
      );
    const wrong = await platform(perRequest, env);
    for (let n = 0; n < 5; n += 1) await wrong.get('/', new CookieJar());
    expect(await connections()).toBe(5);
  });

  it('has nothing left to do when a response is complete', async () => {
    const handler = inRedis
      .replace(
        'session({ store,',
        `session({ store, user: (stored) => stored.user, maxPerUser: 1, broadcastEndings: true, rolling: true,
           renewId: { after: 1 },`,
      )
      .replace('ctx.session.views =', "if (ctx.path === '/login') ctx.session.user = 'ann';\n  ctx.session.views =");
    expect(handler).toContain('maxPerUser');
    expect(handler).toContain('ann');
    const frozen = await platform(handler, { REDIS_URL: redis.url }, true);
    const other = await platform(handler, { REDIS_URL: redis.url });
    const [ann, anna] = [new CookieJar(), new CookieJar()];
    await other.get('/login', anna);
    // The login ends the session of the other browser, and each request after it renews the id.
    const ids = new Set<string>();
    for (const path of ['/login', '/', '/']) {
      await frozen.get(path, ann);
      ids.add(await ann.getCookieString('http://127.0.0.1'));
      await redis.command('CONFIG RESETSTAT');
      frozen.thaw();
      await pause(150);
      expect(await commands()).toEqual([]);
    }
    expect(ids.size).toBe(3);
    expect(await other.get('/', anna)).toBe('views: 1');
    expect(await other.get('/', ann)).toBe('views: 4');
  });

  it('opens another connection if Redis has closed the one that was frozen, and no request fails', async () => {
    const frozen = await platform(inRedis, { REDIS_URL: redis.url }, true);
    const jar = new CookieJar();
    const texts = [await frozen.get('/', jar)];
    if (isLong) await redis.command('CONFIG SET timeout 1');
    else await redis.command('CLIENT KILL TYPE normal SKIPME yes');
    await until(async () => (await connections()) === 0);
    await redis.command('CONFIG SET timeout 0');
    texts.push(await frozen.get('/', jar), await frozen.get('/', jar));
    expect([texts, await connections()]).toEqual([['views: 1', 'views: 2', 'views: 3'], 1]);
  });
});

describe('A short-lived process with sessions in the cookie', () => {
  it('continues the session of another one, and shares only a key with it', async () => {
    const env = { SESSION_KEY: 'ab'.repeat(64) };
    const jar = new CookieJar();
    const first = await platform(inCookie, env, true);
    expect(await first.get('/', jar)).toBe('views: 1');
    await first.end();
    const second = await platform(inCookie, env, true);
    expect(await second.get('/', jar)).toBe('views: 2');
  });
});
