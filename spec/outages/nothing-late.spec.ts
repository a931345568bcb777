import { type Browser, browser } from '../helpers/http/serve';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

const options = { reconnectTimeout: 300, timeout: 1_000 };

// The application runs on koa-redis, which cannot compare and set, and which sends what waits for a connection once it is back.
describe('After an outage', () => {
  let redis: RedisServer;
  let app: NodeProgram;
  let ann: Browser;
  let key: string;
  let before: string;
  beforeEach(async () => {
    redis = await startRedis({ appendonly: true });
    app = await startNode(
      ['--require', './spec/helpers/programs/free-port.js', 'spec/helpers/programs/outage-app.js'],
      {
        PORT: String(redis.port),
        SESSIONS: JSON.stringify(options),
      },
    );
    const [url] = await app.says(/^http:\S+$/m);
    await app.says(/heard connect/);
    ann = browser(url);
    await ann.get('/put?user=ann');
    key = await redis.command("EVAL \"return redis.call('KEYS','koa:sess:*')[1]\" 0");
    before = await redis.command(`GET ${key}`);
  });
  afterEach(async () => {
    await app.end();
    await redis.stop();
  });

  /** A request that has read its session, and changes it after `/go`. */
  const hold = async (path: string, visitor = ann) => {
    const from = app.output.length;
    const reply = visitor.get(`/hold${path}`);
    await app.says(/holding/, from);
    return { reply };
  };
  const lose = async () => {
    const from = app.output.length;
    await redis.kill('SIGKILL');
    await app.says(/heard disconnect/, from);
  };
  /** The client connects again; whatever it had in store for that was sent before the request that ends this. */
  const comeBack = async () => {
    const from = app.output.length;
    await ann.get('/return');
    await app.says(/heard connect/, from);
    await ann.get('/see');
  };
  /** How often the server has run each of these commands since it started. */
  const asked = async (...commands: string[]) => {
    const stats = await redis.info('commandstats');
    return commands.map((command) => Number(stats[`cmdstat_${command}`]?.match(/calls=(\d+)/)?.[1] ?? 0));
  };

  describe('no write arrives from a request that failed during it', () => {
    it('a session that was ended elsewhere does not come back', async () => {
      const { reply } = await hold('/put?cart=book');
      await lose();
      await ann.get('/go');
      expect((await reply).status).toBe(500);
      await app.says(/failed with StoreUnavailableError of set/);
      await redis.restart();
      expect(await redis.command(`UNLINK ${key}`)).toBe('1');
      await comeBack();
      expect(await redis.command(`EXISTS ${key}`)).toBe('0');
      expect(await asked('get', 'setex', 'set')).toEqual([1, 0, 0]);
    });

    it.each([
      ['a change', '/put?cart=book', 'set'],
      ['a logout', '/logout', 'destroy'],
      ['a new session id', '/renew', 'set'],
    ])('%s does not happen later', async (_what, path, operation) => {
      const { reply } = await hold(path);
      await lose();
      await ann.get('/go');
      expect((await reply).status).toBe(500);
      await app.says(new RegExp(`failed with StoreUnavailableError of ${operation}`));
      await redis.restart();
      await comeBack();
      expect([await redis.command(`GET ${key}`), await redis.command('DBSIZE')]).toEqual([before, '1']);
      expect(await asked('setex', 'set', 'del', 'unlink')).toEqual([0, 0, 0, 0]);
    });

    it('a new session is not stored later', async () => {
      const bea = browser((await app.says(/^http:\S+$/m))[0]);
      await lose();
      const reply = await bea.get('/put?user=bea');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      await redis.restart();
      await comeBack();
      expect([await redis.command('DBSIZE'), await asked('setex')]).toEqual(['1', [0]]);
    });

    it('a session is not even read later', async () => {
      await lose();
      const replies = await Promise.all([1, 2, 3].map(() => ann.get('/see')));
      expect(replies.map(({ status }) => status)).toEqual([500, 500, 500]);
      await redis.restart();
      await comeBack();
      // The one that `comeBack` ends with.
      expect(await asked('get')).toEqual([1]);
    });
  });

  // A command that has left the process cannot be called back, and a plain write does not look at what it replaces.
  describe('a pending write may still arrive after Redis stops, with a client that cannot compare and set', () => {
    const timeOut = async () => {
      const { reply } = await hold('/put?cart=book');
      await redis.kill('SIGSTOP');
      await ann.get('/go');
      expect((await reply).status).toBe(500);
      await app.says(/failed with StoreTimeoutError of set/);
    };

    it('it is stored when Redis continues, although the request has failed', async () => {
      await timeOut();
      await redis.kill('SIGCONT');
      expect((await ann.get('/see')).json()).toMatchObject({ user: 'ann', cart: 'book' });
    });

    it('but before any later call of the application: a logout stays a logout', async () => {
      await timeOut();
      await redis.kill('SIGCONT');
      const reply = await ann.get('/logout');
      expect([reply.status, await redis.command(`EXISTS ${key}`)]).toEqual([200, '0']);
    });

    it('it is sent again on a new connection, and brings back even a session that was ended elsewhere', async () => {
      await timeOut();
      await lose();
      await redis.restart();
      await redis.command(`UNLINK ${key}`);
      await comeBack();
      expect(await asked('setex')).toEqual([1]);
      expect(JSON.parse(await redis.command(`GET ${key}`))).toMatchObject({ user: 'ann', cart: 'book' });
    });
  });
});
