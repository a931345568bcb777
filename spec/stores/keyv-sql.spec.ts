import { setTimeout as pause } from 'node:timers/promises';
import { fromKeyv, type KeyvLike } from '../../lib/keyv';
import session from '../../lib/main';
import { storeContract } from '../../lib/testing';
import type { Connection, DatabaseServer } from '../helpers/databases/database-server';
import { startMariadb } from '../helpers/databases/mariadb-server';
import { startPostgres } from '../helpers/databases/postgres-server';
import { codeBlocks } from '../helpers/docs/markdown';
import type { Reply } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../helpers/sites/session-site';
import { failuresOf, runContract } from '../helpers/stores/contract-run';
import { interop } from '../interop';

type Opened = KeyvLike & {
  /** What is stored, with the time when it ends. */
  getRaw(key: string): Promise<{ expires?: number } | undefined>;
  disconnect(): Promise<void>;
};
type Adapter = new (options: { uri: string }) => object;
const { Keyv } = interop('keyv') as { Keyv: new (options: object) => Opened };
const { KeyvPostgres } = interop('@keyv/postgres') as { KeyvPostgres: Adapter };
const { KeyvMysql } = interop('@keyv/mysql') as { KeyvMysql: Adapter };

let postgres: DatabaseServer;
let mariadb: DatabaseServer;
beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
});
// Whoever opens an instance ends it before: @keyv/postgres ends the process where PostgreSQL goes away.
afterAll(() => Promise.all([postgres.stop(), mariadb.stop()]));

const open = (scheme: string, KeyvAdapter: Adapter, { host, port, user, password, database }: Connection) => {
  const uri = `${scheme}://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
  return new Keyv({ store: new KeyvAdapter({ uri }), throwOnErrors: true });
};

const openMysql = (database: string) => open('mysql', KeyvMysql, { ...mariadb.connection, database });

interface Subject {
  start(): Promise<Opened> | Opened;
  /** The keys of all rows, by the word of the database. */
  rows(): Promise<{ id: unknown }[]>;
}

const subjects: Record<string, Subject> = {
  '@keyv/postgres': {
    start: () => open('postgresql', KeyvPostgres, postgres.connection),
    rows: () => postgres.query('SELECT key AS id FROM keyv'),
  },
  '@keyv/mysql, on a table made for it as docs/keyv.md says,': {
    async start() {
      const commands = codeBlocks('docs/keyv.md').map(({ code }) => code);
      const [statement = ''] = /CREATE TABLE keyv [^']+/.exec(commands.join('\n')) ?? [];
      await mariadb.query('CREATE DATABASE prepared');
      await mariadb.query(statement.replace('TABLE ', 'TABLE prepared.'));
      return openMysql('prepared');
    },
    rows: () => mariadb.query('SELECT id FROM prepared.keyv'),
  },
};

describe.each(Object.entries(subjects))('Keyv on %s', (_name, { start, rows }) => {
  let keyv: Opened;
  beforeAll(async () => {
    keyv = await start();
  });
  afterAll(() => keyv.disconnect());

  const ttlLeft = async (key: string) => Number((await keyv.getRaw(key))?.expires) - Date.now();
  storeContract('keeps the contract:', () => ({ client: fromKeyv(keyv), ttlLeft }), { guarantee: 'last-write' });

  it('deletes no expired session while it lists the keys: another request may be storing it again', async () => {
    const client = fromKeyv(keyv);
    await client.set('listed:sid', { cookie: {} }, 1);
    await pause(5);
    await client.keys?.('listed:');
    expect((await rows()).map(({ id }) => String(id))).toContain('keyv:listed:sid');
    await client.destroy('listed:sid');
  });

  it('keeps the sessions of a site in which users log in and out', async () => {
    const routes: Routes = {
      '/login': async (ctx) => {
        await ctx['regenerateSession']();
        (await sessionOf(ctx))['user'] = 'Zoë 🎈';
      },
    };
    const use = session({ store: fromKeyv(keyv) });
    const site = await closedAfterTest(openSite({ use, routes }));
    const [zoe, bob] = [site.visitor(), site.visitor()];
    const keyOf = (reply: Reply) => `keyv:koa:sess:${sentId(reply)}`;
    const stored = async () => {
      const ids = (await rows()).map(({ id }) => String(id));
      return new Set(ids.filter((id) => id.startsWith('keyv:koa:sess:')));
    };

    const bobs = keyOf(await bob.get('/put?user=bob'));
    const guests = keyOf(await zoe.get('/put?user=nobody'));
    expect(await stored()).toEqual(new Set([bobs, guests]));
    const zoes = keyOf(await zoe.get('/login'));
    expect(await stored()).toEqual(new Set([bobs, zoes]));
    expect((await zoe.get('/see')).json()).toEqual({ user: 'Zoë 🎈' });

    const cookie = await zoe.jar.getCookieString(site.url);
    await zoe.get('/logout');
    expect(await stored()).toEqual(new Set([bobs]));
    expect((await site.visitor().get('/see', { cookie })).json()).toEqual({});
    expect((await bob.get('/see')).json()).toEqual({ user: 'bob' });
    expect(site.errors).toEqual([]);
    await use.close();
  });
});

describe('Keyv on @keyv/mysql, on the table that it creates itself,', () => {
  const everywhere = {
    'returns a session of 100 kB': expect.stringContaining('Data too long'),
    'distinguishes keys that differ in upper and lower case': expect.stringContaining('binary collation'),
    'distinguishes keys that differ in spaces': expect.stringContaining('binary collation'),
    'distinguishes keys that differ in accents, or use any script': expect.stringContaining('binary collation'),
    // The case has prefixes that this collation takes for equal.
    'lists the keys that start with a prefix, and no others, if it has `keys`': expect.any(String),
  };

  it.each<[charset: string, failures: Record<string, string>]>([
    ['utf8mb4', everywhere],
    ['latin1', { ...everywhere, 'returns any text': expect.stringContaining('Incorrect string value') }],
  ])('breaks the contract by its limit of 64 kB and its collation, in a database of %s', async (charset, failures) => {
    await mariadb.query(`CREATE DATABASE own_${charset} CHARACTER SET ${charset}`);
    const keyv = openMysql(`own_${charset}`);
    try {
      expect(failuresOf(await runContract(() => fromKeyv(keyv), { guarantee: 'last-write' }))).toEqual(failures);
    } finally {
      await keyv.disconnect();
    }
  });
});
