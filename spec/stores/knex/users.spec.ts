import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import {
  createSessionsTable,
  createSessionUsersTable,
  dropSessionUsersTable,
  type KnexStore,
  type KnexStoreOptions,
  knexStore,
} from '../../../lib/knex';
import session from '../../../lib/main';
import { type SqlDatabase, sqlDatabases } from '../../helpers/databases/sql-databases';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite } from '../../helpers/sites/session-site';
import { walkContract } from '../../helpers/stores/walk-contract';
import { until } from '../../helpers/time/until';
import { interop } from '../../interop';

const HOUR = 60 * 60 * 1000;
/** `MEMBERS=100000` takes a few seconds. */
const MEMBERS = Number(process.env['MEMBERS'] ?? 2500);

const keysOf = async (store: KnexStore, index: string) => (await store.members(index, 1000)).map(({ key }) => key);

/** The statements that reach the database, by their first words. */
async function statements(knex: Knex, work: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  const hear = ({ sql }: { sql: string }) => seen.push(String(/^\w+/.exec(sql)));
  knex.on('query', hear);
  await work();
  knex.removeListener('query', hear);
  return seen;
}

/** Runs calls of one store while another ends all sessions, and returns which enrolled members it does not list. */
async function missedMembers(one: KnexStore, other: KnexStore, index: string, random: (below: number) => number) {
  const place = random(12);
  const enroll = async (n: number) => {
    for (let turn = random(8); turn > 0; turn -= 1) await new Promise(setImmediate);
    // Some requests log in to the same session.
    const key = `sid-${n % 9}`;
    return (await one.enroll(index, key, HOUR, HOUR)) ? key : undefined;
  };
  const early = Array.from({ length: place }, (_, n) => enroll(n));
  const ended = other.endedNow(index, HOUR).then(() => keysOf(other, index));
  const late = Array.from({ length: 12 - place }, (_, n) => enroll(place + n));
  const listed = new Set(await ended);
  const enrolled = (await Promise.all([...early, ...late])).filter((key) => key !== undefined);
  return enrolled.filter((key) => !listed.has(key));
}

function seeded() {
  const seed = randomInt(2 ** 31);
  let state = seed;
  const random = (below: number) => {
    state = (state * 48_271 + 11) % 2_147_483_647;
    return state % below;
  };
  return { seed, random };
}

describe.each(Object.entries(sqlDatabases))('The users of a KnexStore on %s', (name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  let second: Knex;
  let one: KnexStore;
  let other: KnexStore;
  let table: string;
  let tables = 0;
  beforeAll(async () => {
    database = await start();
    knex = database.open();
    second = database.open();
    [one, other] = [open(), open({ knex: second })];
    await Promise.all([one.members('none', 1), other.members('none', 1)]);
  });
  beforeEach(() => {
    tables += 1;
    table = `table${tables}`;
  });
  afterAll(() => database.stop());
  const open = (options: Partial<KnexStoreOptions> = {}) => knexStore({ knex, sweepInterval: 0, ...options });

  // Knex has one to SQLite anyway.
  const withOneConnection = () => database.open(name === 'SQLite' ? {} : { pool: { min: 1, max: 1 } });

  it('have their sessions listed and ended by a site', async () => {
    const sessions = session({ store: one, user: ({ user }) => user as string });
    const site = await closedAfterTest(openSite({ use: sessions }));
    const [phone, desk, bob] = [site.visitor(), site.visitor(), site.visitor()];
    for (const visitor of [phone, desk]) await visitor.get('/put?user=ann');
    await bob.get('/put?user=bob');
    expect(await sessions.of('ann').count()).toBe(2);
    expect(await sessions.of('ann').endAll()).toBe(2);
    expect(await sessions.of('ann').list()).toEqual([]);
    expect([(await phone.get('/see')).json(), (await bob.get('/see')).json()]).toEqual([{}, { user: 'bob' }]);
    await phone.get('/put?user=ann');
    expect(await sessions.of('ann').count()).toBe(1);
    expect(site.errors).toEqual([]);
  });

  walkContract(() => open());

  it('cost two statements for each new session, three for the first one', async () => {
    expect(await statements(knex, () => one.enroll('cost', 'a', HOUR, 0))).toEqual(['select', 'insert', 'insert']);
    expect(await statements(knex, () => one.enroll('cost', 'b', HOUR, 0, 'a'))).toEqual(['select', 'insert']);
    expect(await statements(knex, () => one.enroll('cost', 'b', 2 * HOUR, 0))).toEqual(['select', 'insert']);
    expect(await statements(knex, () => one.endedNow('cost', HOUR))).toEqual(['update']);
    expect(await statements(knex, () => one.enroll('cost', 'c', HOUR, HOUR))).toEqual(['select']);
    expect(await statements(knex, () => one.enroll('cost', 'b', HOUR, -1))).toEqual(['select', 'insert']);
    expect(await statements(knex, () => one.members('cost', 10))).toEqual(['select']);
    expect(await statements(knex, () => one.dismiss('cost', [{ key: 'a' }, { key: 'b' }]))).toEqual(['delete']);
  });

  it('are all listed if they are enrolled before or while all sessions are ended', async () => {
    const { seed, random } = seeded();
    for (let round = 0; round < 5; round += 1) {
      const missing = await missedMembers(one, other, `race-${round}`, random);
      expect({ seed, round, missing }).toEqual({ seed, round, missing: [] });
    }
  });

  it('are refused if their request began before all sessions ended, however long the statement waited', async () => {
    const own = withOneConnection();
    const store = open({ knex: own });
    await store.members('waiting', 1);
    let enrolling: Promise<number | false> | undefined;
    await own.transaction(async () => {
      enrolling = store.enroll('waiting', 'late', HOUR, 0);
      await new Promise((go) => setTimeout(go, 20));
      await other.endedNow('waiting', HOUR);
      // The request began much less than this before its statement runs.
      await new Promise((go) => setTimeout(go, 50));
    });
    expect(await enrolling).toBe(false);
    expect(await keysOf(other, 'waiting')).toEqual([]);
  });

  it('have ages by the clock of the database', async () => {
    jest.spyOn(Date, 'now').mockReturnValue(0);
    await one.enroll('clock', 'a', HOUR, 0);
    await other.enroll('clock', 'b', HOUR, 0);
    const [a, b] = await other.members('clock', 10);
    jest.restoreAllMocks();
    expect(Math.abs(Number(a?.end) - Date.now() - HOUR)).toBeLessThan(10_000);
    expect(Number(a?.enrolledAgo)).toBeGreaterThanOrEqual(Number(b?.enrolledAgo));
    expect(Number(a?.enrolledAgo)).toBeLessThan(10_000);
    if (name !== 'SQLite') expect(a?.enrolledAgo).not.toBe(b?.enrolledAgo);
  });

  it(`have ${MEMBERS} sessions, many of which end at the same time, in pages`, async () => {
    const end = Date.now() + HOUR;
    const rows = Array.from({ length: MEMBERS }, (_, n) => ({
      owner: 'crowd',
      id: `sid-${n}`,
      expires: end + Math.floor(n / 300),
      enrolled: n,
    }));
    await knex.batchInsert('sessions_users', rows, 400);
    // By itself it does so within a minute; until then it sorts all members for each page.
    if (name === 'PostgreSQL') await knex.raw('analyze sessions_users');
    const keys: string[] = [];
    for (let after: { key: string; end: number } | undefined; ; ) {
      const page = await one.members('crowd', 1000, after);
      keys.push(...page.map(({ key }) => key));
      after = page.at(-1);
      if (after === undefined) break;
    }
    expect([keys.length, new Set(keys).size]).toEqual([MEMBERS, MEMBERS]);
    const entries = rows.slice(1).map(({ id, expires }, n) => (n % 2 ? { key: id, end: expires } : { key: id }));
    await one.dismiss('crowd', [...entries, { key: 'sid-0', end: end + 1 }, { key: 'sid-0', end: end + 0.5 }]);
    expect(await keysOf(one, 'crowd')).toEqual(['sid-0']);
  });

  it('are swept once they are past their end, and so are their marks', async () => {
    const store = open({ table, sweepBatch: 20 });
    for (let n = 0; n < 50; n += 1) await store.enroll(`user-${n % 5}`, `sid-${n}`, 1, 0);
    for (let n = 0; n < 50; n += 1) await store.enroll('alive', `sid-${n}`, HOUR, 0);
    await store.endedNow('ended', HOUR);
    await store.endedNow('long ago', 1);
    await store.create('sid', '{}', 1);
    await new Promise((go) => setTimeout(go, 20));
    // Fifty members, five marks that say "never", a mark and a session.
    expect(await store.sweep()).toBe(57);
    expect(await store.sweep()).toBe(0);
    expect(await keysOf(store, 'alive')).toHaveLength(50);
    expect(await knex(`${table}_users`).select('id')).toHaveLength(52);
    expect(await store.enroll('ended', 'late', HOUR, HOUR)).toBe(false);
    expect(await store.enroll('long ago', 'late', HOUR, HOUR)).toEqual(expect.any(Number));
  });

  it('are spared by a sweep if they are enrolled again between its two statements', async () => {
    // On one connection the next statement is the one that was asked for first.
    const own = withOneConnection();
    const store = open({ knex: own, table });
    for (const key of ['a', 'b', 'c']) await store.enroll('ann', key, 1, 0);
    await new Promise((go) => setTimeout(go, 20));
    const again: Promise<unknown>[] = [];
    const later = own.raw('?? + 3600000', ['expires']);
    own.on('query-response', (_rows: unknown, { sql }: { sql: string }) => {
      if (again.length > 0 || !/^select .*_users/.test(sql)) return;
      again.push(Promise.resolve(own(`${table}_users`).where({ id: 'b' }).update({ expires: later })));
    });
    await store.sweep();
    await again[0];
    expect(await keysOf(store, 'ann')).toEqual(['b']);
  });

  it('need no table in an application without `user`', async () => {
    const store = open({ table, createTable: false });
    await createSessionsTable(knex, { table });
    await store.create('sid', '{}', 1);
    while (await store.load('sid'));
    let failures = 0;
    const hear = () => {
      failures += 1;
    };
    knex.on('query-error', hear);
    expect(await store.sweep()).toBe(1);
    for (let n = 0; n < 3; n += 1) await store.sweep();
    knex.removeListener('query-error', hear);
    // It asks for the table once, since PostgreSQL logs each error.
    expect(failures).toBe(1);
    expect(await knex.schema.hasTable(`${table}_users`)).toBe(false);
  });

  it('get their table in a migration of an existing deployment', async () => {
    const store = open({ table, createTable: false });
    await createSessionsTable(knex, { table });
    const revision = await store.create('sid', '{"a":1}', HOUR);
    const message = `The table \`${table}_users\` is missing: create it in a migration with createSessionUsersTable(), or set \`createTable: true\``;
    await expect(store.enroll('ann', 'sid', HOUR, 0)).rejects.toThrow(message);
    await expect(store.members('ann', 10)).rejects.toThrow(message);
    await store.sweep();
    for (let n = 0; n < 2; n += 1) await createSessionUsersTable(knex, { table });
    expect(await store.enroll('ann', 'sid', HOUR, 0)).toEqual(expect.any(Number));
    for (let n = 0; n < 2; n += 1) await createSessionUsersTable(knex, { table });
    expect(await keysOf(store, 'ann')).toEqual(['sid']);
    await store.enroll('ann', 'short', 1, 0);
    await new Promise((go) => setTimeout(go, 20));
    // It found no table before.
    expect(await store.sweep()).toBe(1);
    for (let n = 0; n < 2; n += 1) await dropSessionUsersTable(knex, { table });
    await expect(store.members('ann', 10)).rejects.toThrow(/exist|no such table/);
    expect(await store.load('sid')).toEqual({ record: '{"a":1}', revision });
  });

  it('get their table on first use, also from many stores at once', async () => {
    const stores = [one, other].map((_, n) => open({ table, knex: n ? database.open() : knex }));
    const enrolled = await Promise.all([0, 1, 2, 3].map((n) => stores[n % 2]?.enroll('ann', `sid-${n}`, HOUR, 0)));
    expect(enrolled).toEqual(Array(4).fill(Number.POSITIVE_INFINITY));
    expect(await knex.schema.hasTable(table)).toBe(false);
    expect(await keysOf(stores[0] as KnexStore, 'ann')).toHaveLength(4);
  });

  it('have no index or key that the database would change', async () => {
    for (const text of ['x'.repeat(513), 'a\0b', 'a\ud800']) {
      await expect(one.enroll(text, 'sid', HOUR, 0)).rejects.toThrow('Expected the index to be a string of up to 512');
      await expect(one.enroll('odd', text, HOUR, 0)).rejects.toThrow('Expected the key to be a string of up to 512');
      await expect(one.endedNow(text, HOUR)).rejects.toThrow('Expected the index to be a string of up to 512');
      await one.enroll('odd', 'sid', HOUR, 0, text);
      await one.dismiss(text, [{ key: 'sid' }]);
      await one.dismiss('odd', [{ key: text }]);
      expect(await one.members(text, 10)).toEqual([]);
    }
    await expect(one.enroll('odd', '', HOUR, 0)).rejects.toThrow('got an empty string');
    await one.endedNow('odd', HOUR);
    await one.dismiss('odd', [{ key: '' }]);
    expect(await one.enroll('odd', 'late', HOUR, HOUR)).toBe(false);
    for (const ttl of [0, -1, Number.NaN]) {
      await expect(one.enroll('odd', 'sid', ttl, 0)).rejects.toThrow('Expected `ttl` to be a positive number');
    }
    expect(await one.enroll('odd', 'sid', Number.MAX_SAFE_INTEGER, -1)).toEqual(expect.any(Number));
    expect(await keysOf(one, 'odd')).toEqual(['sid']);
  });

  it('remember the later of two ends, whichever is stored first', async () => {
    await one.endedNow('twice', HOUR);
    const inAnHour = knex.raw('?? + 3600000000', ['enrolled']);
    await knex('sessions_users').where({ owner: 'twice', id: '' }).update({ enrolled: inAnHour });
    await one.endedNow('twice', HOUR);
    expect(await one.enroll('twice', 'late', HOUR, 0)).toBe(false);
  });

  if (name === 'SQLite') return;
  describe('on two connections', () => {
    const waiting = (count: number) =>
      until(async () => {
        const sql = {
          MariaDB: `select variable_value as n from information_schema.global_status where variable_name = 'innodb_row_lock_current_waits'`,
          PostgreSQL: 'select count(*) as n from pg_locks where not granted',
        }[name];
        const found = (await knex.raw(String(sql))) as [{ n: unknown }[]] & { rows?: { n: unknown }[] };
        return Number((found.rows ?? found[0])[0]?.n) === count;
      });

    /** Stores whose statements are isolated so. */
    const isolated = (level: string) => {
      const statement = {
        MariaDB: `set session transaction isolation level ${level}`,
        PostgreSQL: `set session characteristics as transaction isolation level ${level}`,
      }[name];
      const afterCreate = (connection: { query(sql: string, done: () => void): void }, done: () => void) =>
        connection.query(String(statement), done);
      const pool = { min: 0, max: 10, afterCreate };
      return [0, 1].map(() => open({ knex: database.open({ pool }) })) as [KnexStore, KnexStore];
    };

    describe.each(['read committed', 'repeatable read', 'serializable'])('isolated as in %s', (level) => {
      let stores: [KnexStore, KnexStore];
      beforeAll(async () => {
        stores = isolated(level);
        await Promise.all(stores.map((store) => store.members('none', 1)));
      });

      it('are all listed if they are enrolled before or while all sessions are ended', async () => {
        const { seed, random } = seeded();
        for (let round = 0; round < 5; round += 1) {
          const missing = await missedMembers(...stores, `${level}-${round}`, random);
          expect({ seed, round, missing }).toEqual({ seed, round, missing: [] });
        }
      });

      it('wait for an end that came first, and are refused', async () => {
        const index = `first, ${level}`;
        await stores[0].enroll(index, 'a', HOUR, 0);
        let enrolling: Promise<number | false> | undefined;
        await knex.transaction(async (transaction) => {
          const marks = transaction('sessions_users').where({ owner: index, id: '' });
          await marks.update({ enrolled: Date.now() * 1000, expires: Date.now() + HOUR });
          enrolling = stores[0].enroll(index, 'late', HOUR, HOUR);
          await waiting(1);
        });
        expect(await enrolling).toBe(false);
        expect(await keysOf(stores[1], index)).toEqual(['a']);
      });

      it('are waited for by an end that comes second, which lists them', async () => {
        const index = `second, ${level}`;
        await stores[0].enroll(index, 'a', HOUR, 0);
        let enrolling: Promise<number | false> | undefined;
        let ending: Promise<string[]> | undefined;
        const takenBack = new Error('taken back');
        const creation = knex.transaction(async (transaction) => {
          // In the way of the new member, so that its statement waits once it has looked at the mark.
          await transaction('sessions_users').insert({ owner: index, id: 'late', expires: 1, enrolled: 1 });
          enrolling = stores[0].enroll(index, 'late', HOUR, HOUR);
          await waiting(1);
          ending = stores[1].endedNow(index, HOUR).then(() => keysOf(stores[1], index));
          await waiting(2);
          throw takenBack;
        });
        await expect(creation).rejects.toBe(takenBack);
        expect(await enrolling).toEqual(expect.any(Number));
        expect((await ending)?.sort()).toEqual(['a', 'late']);
      });
    });

    it('never lock each other out', async () => {
      const failures: unknown[] = [];
      const hear = ({ code }: { code?: unknown }) => failures.push(code);
      for (const each of [knex, second]) each.on('query-error', hear);
      const seen = await Promise.all(
        Array.from({ length: 150 }, async (_, n) => {
          const [index, store] = [`user-${n % 7}`, n % 2 ? one : other];
          await store.enroll(index, `sid-${n}`, HOUR, HOUR);
          if (n % 10 === 0) await store.endedNow(index, 1);
          if (n % 3 === 0) await store.dismiss(index, [{ key: `sid-${n - 1}` }, { key: `sid-${n}` }]);
          return store.members(index, 5);
        }),
      );
      expect(seen).toHaveLength(150);
      // Two may add the mark of an index at the same time, and one finds the other's.
      const isUsual = (code: unknown) => code === 'ER_DUP_ENTRY' || code === '23505';
      for (const each of [knex, second]) each.removeListener('query-error', hear);
      expect(failures.filter((code) => !isUsual(code))).toEqual([]);
    });

    it('are removed without a lock on any other row', async () => {
      for (const key of ['a', 'b', 'c']) await one.enroll('free', key, HOUR, 0);
      await one.enroll('free', 'short', 1, 0);
      await one.enroll('held', 'a', HOUR, 0);
      await knex.transaction(async (transaction) => {
        await transaction('sessions_users').where({ owner: 'held' }).forUpdate().select();
        await other.dismiss('free', [{ key: 'a' }, { key: 'b', end: 1 }]);
        await until(async () => (await keysOf(other, 'free')).length === 2);
        await other.sweep();
        expect(await other.enroll('new', 'a', HOUR, 0)).toEqual(expect.any(Number));
      });
      const left = await knex('sessions_users').select('id').where({ owner: 'free' }).orderBy('id');
      expect(left.map(({ id }) => String(id))).toEqual(['', 'b', 'c']);
    });
  });
});

it('The users of a KnexStore may be in a SQLite that is in memory', async () => {
  const makeKnex = interop('knex') as (config: Knex.Config) => Knex;
  const afterCreate = (connection: { pragma(sql: string): void }, done: () => void) => {
    connection.pragma('busy_timeout = 5000');
    done();
  };
  const connection = { filename: ':memory:' };
  const knex = makeKnex({ client: 'better-sqlite3', connection, useNullAsDefault: true, pool: { afterCreate } });
  const store = knexStore({ knex, sweepInterval: 0 });
  await Promise.all(['a', 'b'].map((key) => store.enroll('ann', key, HOUR, 0)));
  await store.endedNow('ann', HOUR);
  expect(await store.enroll('ann', 'late', HOUR, HOUR)).toBe(false);
  expect(await keysOf(store, 'ann')).toEqual(['a', 'b']);
  await store.close();
  await knex.destroy();
});
