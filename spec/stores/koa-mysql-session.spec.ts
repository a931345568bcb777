import { type EventEmitter, once } from 'node:events';
import session, { type SessionOptions, type SessionStore, StoreError } from '../../lib/main';
import type { DatabaseServer } from '../helpers/databases/database-server';
import { startMariadb } from '../helpers/databases/mariadb-server';
import { codeBlocks } from '../helpers/docs/markdown';
import { startNode } from '../helpers/programs/node-program';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { failuresOf, runContract } from '../helpers/stores/contract-run';
import { fakeDate, pass } from '../helpers/time/fake-date';
import { interop } from '../interop';

const HOUR = 60 * 60 * 1000;

interface MysqlSessionStore extends SessionStore {
  getConnection(): EventEmitter & { end(callback: () => void): void };
  cleanup(): void;
}
const MysqlStore = interop('koa-mysql-session') as new (options: object) => MysqlSessionStore;

let mariadb: DatabaseServer;
const clients: MysqlSessionStore[] = [];
beforeAll(async () => {
  mariadb = await startMariadb();
}, 30_000);
afterAll(async () => {
  await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.getConnection().end(resolve))));
  await mariadb.stop();
});

/** A client whose table exists, and whether the timer that it has started holds the process. */
async function open(database = mariadb.connection.database) {
  const timers = jest.spyOn(globalThis, 'setInterval');
  const client = new MysqlStore({ ...mariadb.connection, database, charset: 'utf8mb4' });
  // The answer to its CREATE TABLE; if the server died before it, its failure would go unhandled.
  const answered = once(client.getConnection(), 'release');
  const timer = timers.mock.results[0]?.value as NodeJS.Timeout;
  timers.mockRestore();
  const holds = timer.hasRef();
  clearInterval(timer);
  clients.push(client);
  await answered;
  return { client, holds };
}

const rows = <R = { id: string; expires: number; length: number }>() =>
  mariadb.query<R>('SELECT id, expires, LENGTH(data) AS length FROM _mysql_session_store');

describe('The store contract', () => {
  const expiry = {
    'drops a session at the end of its ttl': expect.stringContaining('it was still there'),
    'applies the ttl of each `set`': expect.stringContaining('it was still there'),
    'accepts the longest ttl, Number.MAX_SAFE_INTEGER': expect.stringContaining("Unknown column 'NaN'"),
  };

  it('is kept on a table made for it as docs/stores.md says, except for the lifetime of sessions', async () => {
    const commands = codeBlocks('docs/stores.md').map(({ code }) => code);
    const [statement = ''] = /CREATE TABLE _mysql_session_store [^"]+/.exec(commands.join('\n')) ?? [];
    await mariadb.query('CREATE DATABASE prepared');
    await mariadb.query(statement.replace('TABLE ', 'TABLE prepared.'));
    const { client } = await open('prepared');
    expect(failuresOf(await runContract(() => client))).toEqual(expiry);
  });

  it('is broken on the table that it creates itself, also by its 64 kB and its collation', async () => {
    const { client } = await open();
    expect(failuresOf(await runContract(() => client))).toEqual({
      ...expiry,
      'returns a session of 100 kB': expect.stringContaining('Data too long'),
      'returns any text': expect.stringContaining('Incorrect string value'),
      'distinguishes keys that differ in upper and lower case': expect.stringContaining('binary collation'),
      'distinguishes keys that differ in spaces': expect.stringContaining('binary collation'),
      'distinguishes keys that differ in accents, or use any script': expect.stringContaining('binary collation'),
    });
  });
});

describe('An app on koa-mysql-session', () => {
  beforeEach(async () => {
    await mariadb.query('DROP TABLE IF EXISTS _mysql_session_store');
    await mariadb.query("SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES'");
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const openApp = async (options: SessionOptions = {}) => {
    const { client } = await open();
    const routes = {
      '/big': async (ctx: Parameters<typeof sessionOf>[0]) => {
        (await sessionOf(ctx))['text'] = 'x'.repeat(70_000);
      },
    };
    const site = await closedAfterTest(openSite({ use: session({ store: client, ...options }), routes }));
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    return { client, site, ann };
  };

  it('recognises its visitors, and forgets those who log out', async () => {
    const { site, ann } = await openApp();
    const bob = site.visitor();
    await bob.get('/put?user=bob');
    await Promise.all([ann.get('/put?a=1'), ann.get('/put?b=2')]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', a: '1', b: '2' });
    await ann.get('/logout');
    expect([(await ann.get('/see')).json(), (await bob.get('/see')).json()]).toEqual([{}, { user: 'bob' }]);
    expect([(await rows()).length, site.errors]).toEqual([1, []]);
  });

  it('has no session in an expired row, although the client returns it', async () => {
    fakeDate();
    const { client, site, ann } = await openApp({ ttl: HOUR });
    pass(HOUR - 1);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    pass(1);
    const reply = await ann.get('/see');
    expect([reply.json(), setCookieOf(reply), site.events()]).toEqual([
      {},
      undefined,
      ['session:created', 'session:expired', 'session:missed'],
    ]);
    const [{ id } = { id: '' }] = await rows();
    expect(await new session.Store(client, { prefix: '' }).get(id)).toBeUndefined();
  });

  it('extends a session that is used, with `rolling`', async () => {
    fakeDate();
    const { ann } = await openApp({ ttl: HOUR, rolling: true });
    pass(HOUR - 1);
    await ann.get('/see');
    pass(HOUR - 1);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('must delete the expired rows itself', async () => {
    fakeDate();
    const { client } = await openApp({ ttl: HOUR });
    pass(2 * HOUR);
    client.cleanup();
    expect((await rows()).map(({ expires }) => Number(expires) < Date.now())).toEqual([true]);
  });

  it('gets an error for a session that does not fit, and the stored one is kept', async () => {
    const { site, ann } = await openApp();
    const reply = await ann.get('/big');
    expect([reply.status, setCookieOf(reply)]).toEqual([500, undefined]);
    expect(site.errors).toEqual([
      expect.objectContaining({ operation: 'set', cause: expect.objectContaining({ code: 'ER_DATA_TOO_LONG' }) }),
    ]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  describe('whose database truncates a long session', () => {
    beforeEach(() => mariadb.query("SET GLOBAL sql_mode = ''"));

    it('gets an error on the next read, and neither cookie nor record is changed', async () => {
      const { site, ann } = await openApp();
      expect((await ann.get('/big')).status).toBe(200);
      const reply = await ann.get('/see');
      expect([reply.status, setCookieOf(reply)]).toEqual([500, undefined]);
      expect(site.errors).toEqual([expect.any(StoreError)]);
      expect(site.errors[0]).toMatchObject({ operation: 'get', cause: { name: 'SyntaxError' } });
      expect((await rows()).map(({ length }) => Number(length))).toEqual([65_535]);
      expect((await site.visitor().get('/see')).status).toBe(200);
    });

    it('lets the visitor log out if an errorHandler lets the request continue', async () => {
      const { ann } = await openApp({ errorHandler: () => undefined });
      await ann.get('/big');
      expect((await ann.get('/see')).json()).toEqual({});
      expect(setCookieOf(await ann.get('/logout'))).toMatch(/^koa\.sid=;/);
      expect(await rows()).toEqual([]);
      await ann.get('/put?user=again');
      expect((await ann.get('/see')).json()).toEqual({ user: 'again' });
    });
  });

  it('fails with a StoreError while the database is away, and continues once it is back', async () => {
    const { site, ann } = await openApp();
    await mariadb.kill();
    expect((await ann.get('/see')).status).toBe(500);
    expect(site.errors).toEqual([expect.any(StoreError)]);
    await mariadb.restart();
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  }, 30_000);
});

describe('koa-mysql-session', () => {
  it('keeps the process alive by a timer that cannot be stopped', async () => {
    expect(await open()).toMatchObject({ holds: true });
  });

  it('ends the process if the database cannot be reached at the start', async () => {
    const script = "new (require('./spec/interop/node_modules/koa-mysql-session'))({ host: '127.0.0.1', port: 1 })";
    const program = await startNode(['--eval', script]);
    await program.says(/ECONNREFUSED/);
    expect(await program.end('SIGCONT')).toBe(1);
  });
});
