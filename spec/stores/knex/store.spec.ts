import { hash } from 'node:crypto';
import { inspect } from 'node:util';
import type { Knex } from 'knex';
import { type KnexStore, type KnexStoreOptions, knexStore } from '../../../lib/knex';
import session from '../../../lib/main';
import { storeContract } from '../../../lib/testing';
import { type SqlDatabase, sqlDatabases, sqlServers } from '../../helpers/databases/sql-databases';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite, sentId } from '../../helpers/sites/session-site';
import { failuresOf, runContract } from '../../helpers/stores/contract-run';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;

describe.each(Object.entries(sqlDatabases))('A KnexStore on %s', (name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  let store: KnexStore;
  beforeAll(async () => {
    database = await start();
    knex = database.open();
    store = open();
    // It looks at its table once.
    await store.get('sid');
  });
  afterAll(() => database.stop());
  const open = (options: Partial<KnexStoreOptions> = {}) => knexStore({ knex, sweepInterval: 0, ...options });

  storeContract('passes the contract', () => open(), { guarantee: 'compare-and-set' });

  /** The statements that reach the database, by their first words. */
  const statements = async (work: () => Promise<unknown>) => {
    const seen: string[] = [];
    const hear = ({ sql }: { sql: string }) => seen.push(String(/^\w+/.exec(sql)));
    knex.on('query', hear);
    await work();
    knex.removeListener('query', hear);
    return seen;
  };

  it('costs a site one statement for each session that is read, changed, touched, stored or destroyed', async () => {
    const sessions = session({ store, rolling: true });
    const site = await closedAfterTest(openSite({ use: sessions }));
    const ann = site.visitor();
    expect(await statements(() => ann.get('/see'))).toEqual([]);
    expect(await statements(() => ann.get('/put?user=ann'))).toEqual(['insert']);
    expect(await statements(() => ann.get('/see'))).toEqual(['select', 'update']);
    expect(await statements(() => ann.get('/put?user=bob'))).toEqual(['select', 'update']);
    expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    // On MariaDB it checks once that the server is not MySQL.
    await store.remove('none');
    expect(await statements(() => ann.get('/logout'))).toEqual(['select', 'delete']);
    expect((await ann.get('/see')).json()).toEqual({});
    expect(site.errors).toEqual([]);
  });

  it('marks a session without a transaction, which would lock its row during a round trip', async () => {
    await store.create('marked', '{"a":1}', HOUR);
    const made = await statements(() => store.mark('marked', 3));
    // MariaDB and MySQL can't answer an update with the text.
    expect(made).toEqual(name === 'MariaDB' ? ['update', 'select'] : ['update']);
    expect(await store.load('marked')).toMatchObject({ record: '{"a":1}   ' });
  });

  it('separates the businesses of one table by their prefixes', async () => {
    const [shop, blog] = await Promise.all(
      ['shop:', 'blog:'].map((prefix) => closedAfterTest(openSite({ use: session({ store, prefix }) }))),
    );
    const ann = shop?.visitor();
    const sid = sentId(await (ann as NonNullable<typeof ann>).get('/put?user=ann'));
    const cookie = String(await ann?.jar.getCookieString(String(shop?.url)));
    expect((await blog?.visitor().get('/see', { cookie }))?.json()).toEqual({});
    expect((await shop?.visitor().get('/see', { cookie }))?.json()).toEqual({ user: 'ann' });
    const rows = await knex('sessions').select('id').where('expires', '>', Date.now());
    expect(rows.map(({ id }) => String(id))).toContain(`shop:${sid}`);
  });

  it('keeps a record of a megabyte, and of any script, unchanged', async () => {
    const text = 'Zoë 🎈 \\ " \' % _ ? :x $1 日本 '.repeat(30_000);
    const record = JSON.stringify({ text, list: [], big: 9007199254740991, cookie: {} });
    expect(Buffer.byteLength(record)).toBeGreaterThan(1_000_000);
    const revision = await store.create('large', record, HOUR);
    expect((await store.load('large'))?.record).toBe(record);
    const swapped = record.replace('9007199254740991', '9007199254740990');
    expect(await store.swap('large', swapped, HOUR, String(revision))).toMatchObject({ ok: true });
    expect((await store.load('large'))?.record).toBe(swapped);
    expect((await store.get('large'))?.['big']).toBe(9007199254740990);
  });

  it('never reuses a revision, not even for the same text', async () => {
    const seen = new Set<unknown>();
    for (let n = 0; n < 3; n += 1) {
      const first = await store.create('again', '{"n":1}', HOUR);
      const second = await store.swap('again', '{"n":2}', HOUR, String(first));
      const third = await store.swap('again', '{"n":1}', HOUR, second.ok ? second.revision : '');
      for (const revision of [first, second.ok && second.revision, third.ok && third.revision]) seen.add(revision);
      await store.destroy('again');
    }
    expect([seen.size, seen.has(false)]).toEqual([9, false]);
  });

  it('extends a record that it finds already swapped', async () => {
    const revision = String(await store.create('renewed', '{"n":1}', HOUR));
    await store.swap('renewed', '{"n":2}', HOUR, revision);
    expect(await store.swap('renewed', '{"n":2}', 2 * HOUR, revision)).toMatchObject({ ok: true });
    expect((await store.load('renewed', { ttl: true }))?.ttl).toBeGreaterThan(HOUR);
  });

  it('refuses to store under a key that it could not distinguish, and finds nothing under it', async () => {
    for (const key of ['x'.repeat(513), 'é'.repeat(257), 'a\0b', 'a\ud800']) {
      const message = 'Expected the key to be a string of up to 512 bytes';
      await expect(store.create(key, '{}', HOUR)).rejects.toThrow(message);
      await expect(store.set(key, { cookie: {} }, HOUR)).rejects.toThrow(message);
      expect([await store.get(key), await store.load(key), await store.touch(key, HOUR)]).toEqual([
        undefined,
        null,
        false,
      ]);
      await store.destroy(key);
      expect([await store.remove(key), await store.take(key, 'null', HOUR), await store.mark(key, 1)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
    const longest = 'é'.repeat(256);
    await store.create(longest, '{"n":1}', HOUR);
    expect(await store.get(longest)).toEqual({ n: 1 });
    expect(await store.get(longest.slice(1))).toBeUndefined();
  });

  it('returns only objects if the store itself is called', async () => {
    for (const [n, text] of ['5', '[]', '{user:ann}', 'null'].entries()) {
      await store.create(`odd${n}`, text, HOUR);
      expect([await store.get(`odd${n}`), (await store.load(`odd${n}`))?.record]).toEqual([undefined, text]);
    }
  });

  it.each([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY]])('refuses a ttl of %p', async (ttl) => {
    const writes = [
      () => store.create('ttl', '{}', ttl),
      () => store.touch('ttl', ttl),
      () => store.take('ttl', 'null', ttl),
    ];
    for (const write of writes) {
      await expect(write()).rejects.toThrow('Expected `ttl` to be a positive number of milliseconds');
    }
  });

  it('fails with the message of the database, without the session or its id', async () => {
    const id = { MariaDB: 'varbinary(512)', PostgreSQL: 'text', SQLite: 'text' }[name as 'MariaDB'];
    await knex.raw(
      `create table narrow (id ${id} primary key, record text, revision text, expires bigint, check (length(record) < 20))`,
    );
    const narrow = open({ table: 'narrow' });
    const sid = 'koa:sess:the-id-of-ann';
    await narrow.create(sid, '{"a":1}', HOUR);
    const secret = JSON.stringify({ secret: 'the secret - of - ann' });
    const writes = [
      () => narrow.create(`${sid}2`, secret, HOUR),
      () => narrow.set(sid, { cookie: {}, secret }, HOUR),
      async () => narrow.swap(sid, secret, HOUR, String((await narrow.load(sid))?.revision)),
    ];
    for (const write of writes) {
      const error: unknown = await write().catch((failure: unknown) => failure);
      const told = inspect(error, { showHidden: true, depth: 5 });
      expect(told).toMatch(/constraint/i);
      expect(told).not.toMatch(/the-id|secret|insert into|update `/);
    }
    expect(await narrow.get(sid)).toEqual({ a: 1 });
  });

  it('lists keys in pages, whose cursors tell little of an id', async () => {
    const sids = Array.from({ length: 2_100 }, (_, n) => hash('sha1', `${n}`));
    const row = (id: string, expires: number) => ({ id, record: '{}', revision: '1', expires });
    const rows = sids.map((sid) => row(`pages:${sid}`, Date.now() + HOUR));
    const others = [row('pages', Date.now() + HOUR), row('pages;', Date.now() + HOUR), row('pages:late', Date.now())];
    await knex.batchInsert('sessions', [...rows, ...others], 300);
    const found: string[] = [];
    const cursors: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.keys('pages:', cursor);
      found.push(...page.keys);
      cursor = page.cursor;
      if (cursor === undefined) break;
      cursors.push(cursor);
    }
    expect([...new Set(found)]).toEqual(rows.map(({ id }) => id).sort());
    expect(cursors).toHaveLength(2);
    for (const cursor of cursors) expect(cursor).toMatch(/^pages:\w{2,8}$/);
    await expect(store.keys('pages:', 'other:')).rejects.toThrow(TypeError);
    expect(await store.keys('x'.repeat(600))).toEqual({ keys: [] });
  });

  it('lists sessions that were stored before `user` was given', async () => {
    const old = session({ store, prefix: 'old:' });
    const sessions = session({ store: open(), prefix: 'old:', user: ({ user }): string => user as string });
    const all = Array.from({ length: 50 }, (_, n) => old.store.set(`sid-${n}`, { cookie: {}, user: `u${n % 2}` }));
    await Promise.all(all);
    expect(await sessions.of('u0').count()).toBe(0);
    expect(await sessions.index()).toEqual({ scanned: 50, listed: 50, skipped: 0 });
    expect(await sessions.of('u0').count()).toBe(25);
    expect(await sessions.of('u0').endAll()).toBe(25);
    expect([await sessions.of('u0').count(), await sessions.of('u1').count()]).toEqual([0, 25]);
    expect(await old.store.get('sid-0')).toBeUndefined();
  });

  it('explains what it refuses', async () => {
    const error = await knex.transaction(async (transaction) => {
      try {
        open({ knex: transaction });
      } catch (failure) {
        return failure;
      }
      return undefined;
    });
    expect(error).toEqual(
      new TypeError(
        'Expected `knex` to be an instance of Knex, got a transaction, which ends: pass the instance that began it',
      ),
    );
  });
});

describe.each(Object.entries(sqlServers))('KnexStores on a %s that isolates transactions strictly', (name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  const stores: KnexStore[] = [];
  /** How many statements the stores have sent that delete rows. */
  let deletes = 0;
  beforeAll(async () => {
    database = await start();
    knex = database.open();
    const statement = {
      MariaDB: 'set session transaction isolation level serializable',
      PostgreSQL: 'set session characteristics as transaction isolation level serializable',
    }[name];
    const afterCreate = (connection: { query(sql: string, done: () => void): void }, done: () => void) =>
      connection.query(String(statement), done);
    for (let n = 0; n < 2; n += 1) {
      const pool = database.open({ pool: { min: 0, max: 10, afterCreate } });
      pool.on('query', ({ sql }: { sql: string }) => {
        if (sql.startsWith('delete')) deletes += 1;
      });
      stores.push(knexStore({ knex: pool, sweepInterval: 0 }));
    }
    await Promise.all(stores.map((store) => store.get('sid')));
  });
  afterAll(() => database.stop());
  const all = <T>(write: (store: KnexStore, n: number) => Promise<T>, times = 2) =>
    Promise.all(Array.from({ length: times }, (_, n) => write(stores[n % 2] as KnexStore, n)));
  /** Resolves once that many statements wait for a lock. */
  const waiting = (count: number) =>
    until(async () => {
      const sql = {
        // The table of transactions would not change for who looks more often than each tenth of a second.
        MariaDB: `select variable_value as n from information_schema.global_status where variable_name = 'innodb_row_lock_current_waits'`,
        PostgreSQL: 'select count(*) as n from pg_locks where not granted',
      }[name];
      const found = (await knex.raw(String(sql))) as [{ n: unknown }[]] & { rows?: { n: unknown }[] };
      return Number((found.rows ?? found[0])[0]?.n) === count;
    });

  it('let one of many win, without failures', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = `sid${round}`;
      const created = await all((store, n) => store.create(key, `{"n":${n}}`, HOUR), 20);
      const [revision, ...more] = created.filter((answer) => answer !== false);
      expect(more).toEqual([]);
      const swapped = await all((store, n) => store.swap(key, `{"m":${n}}`, HOUR, String(revision)), 20);
      expect(swapped.filter(({ ok }) => ok)).toHaveLength(1);
      await all<unknown>((store, n) => (n % 3 ? store.touch(key, HOUR) : store.destroy(key)), 20);
      expect(await stores[0]?.load(key)).toBeNull();
    }
  });

  it('create a record once if another creation was rolled back', async () => {
    let creating: Promise<(string | false)[]> | undefined;
    const takenBack = new Error('taken back');
    const row = { id: 'created', record: '{}', revision: 'x', expires: Date.now() + HOUR };
    const creation = knex.transaction(async (transaction) => {
      await transaction('sessions').insert(row);
      creating = all((store, n) => store.create('created', `{"n":${n}}`, HOUR));
      await waiting(2);
      throw takenBack;
    });
    await expect(creation).rejects.toBe(takenBack);
    // Both wait for the same row now, and MariaDB takes one of them back.
    expect((await creating)?.filter((answer) => answer === false)).toHaveLength(1);
  });

  it('end a session in their turn, however many writers there are', async () => {
    await stores[0]?.create('written', '{"n":0}', HOUR);
    await stores[0]?.remove('none');
    const writers = 6;
    /** Changes the record after the previous change, and pauses so that the end and the next writer wait for it. */
    const write = async (n: number, isFirst: () => void): Promise<void> => {
      let next: Promise<void> | undefined;
      await knex.transaction(
        async (transaction) => {
          const version = { record: `{"n":${n}}`, revision: `${n}` };
          const changed = await transaction('sessions').where({ id: 'written' }).update(version);
          isFirst();
          if (changed === 0 || n === writers) return;
          await waiting(1);
          next = write(n + 1, () => undefined);
          await waiting(2);
        },
        { isolationLevel: 'read committed' },
      );
      await next;
    };
    let writing: Promise<void> | undefined;
    await new Promise<void>((first) => {
      writing = write(1, first);
    });
    deletes = 0;
    const removed = await stores[0]?.remove('written');
    await writing;
    expect(removed).toMatch(/"n"/);
    // PostgreSQL aborts the first, and the second waits. If it had to restart each time, there would be one for each writer.
    expect(deletes).toBe(name === 'PostgreSQL' ? 2 : 1);
    expect(await stores[1]?.load('written')).toBeNull();
  });

  it('refuse a swap if another one comes first, and return what is stored then', async () => {
    const revision = await stores[0]?.create('swapped', '{"n":0}', HOUR);
    const theirs = { record: '{"n":1}', revision: 'another' };
    let swapping: Promise<unknown[]> | undefined;
    await knex.transaction(async (transaction) => {
      await transaction('sessions').where({ id: 'swapped' }).update(theirs);
      swapping = all((store) => store.swap('swapped', '{"n":2}', HOUR, String(revision)));
      await waiting(2);
    });
    expect(await swapping).toEqual(Array(2).fill({ ok: false, ...theirs }));
  });
});

describe('A KnexStore on a MariaDB that pretends to be a MySQL without strict mode', () => {
  let database: SqlDatabase;
  beforeAll(async () => {
    database = await sqlServers.MariaDB({ args: ['--sql-mode=', '--max-allowed-packet=1M', '--version=8.4.6'] });
  });
  afterAll(() => database.stop());

  it('passes the contract', async () => {
    const knex = database.open();
    const queries: string[] = [];
    knex.on('query', ({ sql }: { sql: string }) => queries.push(sql));
    const store = knexStore({ knex, sweepInterval: 0 });
    expect(failuresOf(await runContract(() => store, { guarantee: 'compare-and-set' }))).toEqual({});
    // It has no `returning`.
    expect(queries.filter((sql) => sql.includes('returning'))).toEqual([]);
    expect(queries.filter((sql) => sql.includes('for update'))).not.toEqual([]);
  });

  it('ends sessions with a pool of one connection', async () => {
    const store = knexStore({ knex: database.open({ pool: { min: 0, max: 1 } }), sweepInterval: 0 });
    const sids = Array.from({ length: 10 }, (_, n) => `sid${n}`);
    await Promise.all(sids.map((sid) => store.create(sid, '{}', HOUR)));
    const marked = await Promise.all(sids.map((sid) => store.mark(sid, 1)));
    expect(marked.map((answer) => answer?.record)).toEqual(sids.map(() => '{} '));
    const ends = sids.flatMap((sid) => [store.take(sid, 'null ', HOUR), store.remove(sid)]);
    expect(await Promise.all(ends)).toEqual(sids.flatMap(() => ['{} ', 'null ']));
  });

  it('answers a mark with what is stored, if another write comes right after it', async () => {
    const knex = database.open({ pool: { min: 0, max: 1 } });
    const store = knexStore({ knex, sweepInterval: 0 });
    await store.create('marked', '{"n":1}', HOUR);
    let writing: Promise<void> | undefined;
    knex.once('query-response', () => {
      writing = store.set('marked', { cookie: {}, n: 2 }, HOUR);
    });
    const marked = await store.mark('marked', 3);
    await writing;
    expect(marked?.record).toBe('{"cookie":{},"n":2}');
    expect(await store.swap('marked', '{"n":3}', HOUR, String(marked?.revision))).toMatchObject({ ok: true });
  });

  it('fails to mark a record that would become too large, and keeps it', async () => {
    const store = knexStore({ knex: database.open(), sweepInterval: 0 });
    const record = JSON.stringify({ text: 'x'.repeat(1_048_000) });
    await store.create('large', record, HOUR);
    await expect(store.mark('large', 1000)).rejects.toThrow(/max_allowed_packet|ECONN|EPIPE|lost|closed state/);
    expect((await store.load('large'))?.record).toBe(record);
  });

  it('keeps the whole record, or fails', async () => {
    const store = knexStore({ knex: database.open(), sweepInterval: 0 });
    const record = JSON.stringify({ text: '🎈'.repeat(100_000) });
    const revision = await store.create('sid', record, HOUR);
    expect((await store.load('sid'))?.record).toBe(record);
    const larger = JSON.stringify({ text: '🎈'.repeat(300_000) });
    // It may hang up before it has read that it should not.
    await expect(store.swap('sid', larger, HOUR, String(revision))).rejects.toThrow(
      /max_allowed_packet|ECONN|EPIPE|lost|closed state/,
    );
    const other = knexStore({ knex: database.open(), sweepInterval: 0 });
    expect((await other.load('sid'))?.record).toBe(record);
  });

  it.each(['utf8', 'latin1'])('does not work on a connection in %s, which would lose characters', async (charset) => {
    const connection = { ...(database.config.connection as object), charset };
    const store = knexStore({ knex: database.open({ connection }), sweepInterval: 0 });
    await expect(store.create('other', '{"name":"🎈"}', HOUR)).rejects.toThrow(
      `Expected the connection to the database to be in utf8mb4, got ${charset}`,
    );
  });
});
