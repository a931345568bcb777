import { join } from 'node:path';
import type { Knex } from 'knex';
import {
  createSessionsTable,
  dropSessionsTable,
  dropSessionUsersTable,
  type KnexStore,
  type KnexStoreOptions,
  knexStore,
} from '../../../lib/knex';
import { type SqlDatabase, sqlDatabases } from '../../helpers/databases/sql-databases';
import { root } from '../../helpers/programs/node-program';
import { runScript } from '../../helpers/programs/process-script';
import { until } from '../../helpers/time/until';
import { interop } from '../../interop';

const HOUR = 60 * 60 * 1000;

type Names = Pick<Knex.Config, 'wrapIdentifier' | 'postProcessResponse'>;
const { knexSnakeCaseMappers, knexIdentifierMapping } = interop('objection') as {
  knexSnakeCaseMappers(options?: object): Names;
  knexIdentifierMapping(names: Record<string, string>): Names;
};
const { default: stringcase } = interop('knex-stringcase') as { default(options?: object): Names };

const wrapIdentifier: Knex.Config['wrapIdentifier'] = (name, wrap) => wrap(name === '*' ? name : name.toUpperCase());
const upper = (row: unknown): unknown => {
  const isRow = typeof row === 'object' && row !== null && !Array.isArray(row);
  return isRow ? Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value])) : row;
};
const postProcessResponse = (answer: unknown) => (Array.isArray(answer) ? answer.map(upper) : upper(answer));

/** How applications let Knex map names, on the way to the database and back. */
const namings: Record<string, Names> = {
  'upper case': { wrapIdentifier },
  'upper case, in answers too': { wrapIdentifier, postProcessResponse },
  'a prefix': { wrapIdentifier: (name, wrap) => wrap(name === '*' ? name : `s_${name}`) },
  "objection's snake case": knexSnakeCaseMappers(),
  "objection's snake case in capitals": knexSnakeCaseMappers({ upperCase: true }),
  "objection's names of one's own": knexIdentifierMapping({ sid: 'id', 'session data': 'record', ends_at: 'expires' }),
  "knex-stringcase's snake case": stringcase(),
  "knex-stringcase's kebab case": stringcase({ appCase: 'pascal', dbCase: 'kebab' }),
};

describe.each(Object.entries(sqlDatabases))('The table of a KnexStore on %s', (name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  let table: string;
  let tables = 0;
  beforeAll(async () => {
    database = await start();
    knex = database.open();
  });
  beforeEach(() => {
    tables += 1;
    table = `table${tables}`;
  });
  afterAll(() => database.stop());

  const open = (options: Partial<KnexStoreOptions> = {}) => knexStore({ knex, table, sweepInterval: 0, ...options });
  const indexes = async (of = table) => {
    const sql = {
      MariaDB: `select index_name as name, column_name as col from information_schema.statistics where table_name = '${of}'`,
      PostgreSQL: `select indexname as name, indexdef as col from pg_indexes where tablename = '${of}'`,
      SQLite: `select name, sql as col from sqlite_master where type = 'index' and tbl_name = '${of}'`,
    }[name];
    const found: unknown = await knex.raw(String(sql));
    return JSON.stringify(found);
  };

  /** Every statement about users, of which one is swept. */
  const listsUsers = async (store: KnexStore) => {
    for (const key of ['a', 'b']) expect(await store.enroll('ann', key, HOUR, 0)).toEqual(expect.any(Number));
    expect(await store.enroll('ann', 'c', HOUR, 0, 'a')).toEqual(expect.any(Number));
    expect(await store.enroll('bob', 'short', 1, 0)).toEqual(expect.any(Number));
    await store.endedNow('ann', HOUR);
    expect([await store.enroll('ann', 'late', HOUR, HOUR), await store.enroll('ann', 'a', 2 * HOUR, -1)]).toEqual([
      false,
      expect.any(Number),
    ]);
    const [first, ...rest] = await store.members('ann', 10);
    expect(rest.map(({ key }) => key)).toEqual(['c', 'a']);
    expect(await store.members('ann', 10, first)).toHaveLength(2);
    await store.dismiss('ann', [{ key: 'a', end: 1 }, { key: 'b', end: Number(first?.end) }, { key: 'c' }]);
    expect((await store.members('ann', 10)).map(({ key }) => key)).toEqual(['a']);
    await until(async () => (await store.members('bob', 10)).length === 0);
    expect(await store.sweep()).toBe(2);
  };

  it('is created on first use, not at set-up, with an index on the time of expiry', async () => {
    const store = open();
    expect(await knex.schema.hasTable(table)).toBe(false);
    expect(await store.get('sid')).toBeUndefined();
    expect(await knex.schema.hasTable(table)).toBe(true);
    expect(await indexes()).toContain('expires');
  });

  it('is checked once', async () => {
    const store = open();
    await Promise.all([store.get('sid'), store.create('sid', '{}', HOUR), store.touch('sid', HOUR)]);
    let statements = 0;
    const count = () => {
      statements += 1;
    };
    knex.on('query', count);
    await store.get('sid');
    await store.get('sid');
    knex.removeListener('query', count);
    expect(statements).toBe(2);
  });

  it('is created by many requests at once', async () => {
    const others = Array.from({ length: 4 }, () => database.open());
    for (let round = 0; round < 5; round += 1) {
      const stores = others.map((other) => open({ knex: other, table: `${table}_${round}` }));
      const created = await Promise.all(stores.map((store, n) => store.create(`sid${n}`, '{"a":1}', HOUR)));
      expect(created).not.toContain(false);
      expect(await knex(`${table}_${round}`).select('id')).toHaveLength(4);
      expect(await indexes(`${table}_${round}`)).toContain('expires');
    }
    await Promise.all(others.map((other) => other.destroy()));
  });

  it('is created by four processes at once', async () => {
    const script = `
      const { knexStore } = require(args.store);
      // SQLite waits for the others only when told to.
      const afterCreate = (connection, done) => done(connection.pragma?.('busy_timeout = 5000') && undefined);
      const knex = require(args.knex)({ ...args.config, pool: { afterCreate } });
      const store = knexStore({ knex, table: args.table });
      while (Date.now() < args.start);
      console.log(typeof (await store.create('sid' + process.pid, '{}', 60000)));
      await store.close();
      await knex.destroy();`;
    const args = {
      store: join(root, 'dist', 'knex.js'),
      knex: join(root, 'spec/interop/node_modules/knex'),
      config: database.config,
      table,
      start: Date.now() + 1000,
    };
    const ended = await Promise.all(Array.from({ length: 4 }, () => runScript('own', script, args)));
    expect(ended).toEqual(Array(4).fill({ code: 0, signal: null, stdout: 'string\n', stderr: '' }));
    expect(await knex(table).select('id')).toHaveLength(4);
    expect(await indexes()).toContain('expires');
  });

  it("is left alone if it exists, whatever the user's rights", async () => {
    await createSessionsTable(knex, { table });
    const seen: string[] = [];
    const hear = ({ sql }: { sql: string }) => void seen.push(sql);
    knex.on('query', hear);
    await open().get('sid');
    knex.removeListener('query', hear);
    expect(seen.filter((sql) => /create|alter/i.test(sql))).toEqual([]);
  });

  it('is reported missing if it must not be created, and found once it exists', async () => {
    const store = open({ createTable: false });
    const message = `The table \`${table}\` is missing: create it in a migration with createSessionsTable()`;
    await expect(store.get('sid')).rejects.toThrow(message);
    await expect(store.create('sid', '{}', HOUR)).rejects.toThrow(message);
    expect(await knex.schema.hasTable(table)).toBe(false);
    await createSessionsTable(knex, { table });
    expect(await store.create('sid', '{"a":1}', HOUR)).toEqual(expect.any(String));
  });

  it('is refused if it was made by another program', async () => {
    await knex.schema.createTable(table, (columns) => {
      columns.string('sid');
      columns.text('sess');
    });
    await expect(open().create('sid', '{}', HOUR)).rejects.toThrow(
      `The table \`${table}\` was not made by knexStore(), which needs a table for itself: `,
    );
  });

  it('is created again after it was dropped', async () => {
    const store = open();
    await store.create('sid', '{}', HOUR);
    await dropSessionsTable(knex, { table });
    await expect(store.get('sid')).rejects.toThrow(/exist|no such table/);
    expect(await store.get('sid')).toBeUndefined();
    expect(await store.create('sid', '{}', HOUR)).toEqual(expect.any(String));
  });

  it('is created and dropped by migrations of Knex', async () => {
    const migration = {
      up: (on: Knex) => createSessionsTable(on, { table }),
      down: (on: Knex) => dropSessionsTable(on, { table }),
    };
    const migrationSource = {
      getMigrations: async () => [`${table}.js`],
      getMigrationName: (file: string) => file,
      getMigration: async () => migration,
    };
    const migrations = { migrationSource, tableName: `${table}_migrations` };
    await knex.migrate.latest(migrations);
    const store = open({ createTable: false });
    const revision = await store.create('sid', '{"a":1}', HOUR);
    expect(await indexes()).toContain('expires');
    // Nothing changes for who has used the store before.
    await createSessionsTable(knex, { table });
    expect(await store.load('sid')).toMatchObject({ revision });
    await knex.migrate.rollback(migrations);
    expect(await knex.schema.hasTable(table)).toBe(false);
    await dropSessionsTable(knex, { table });
  });

  it('may be in a separate schema, and have a name that SQL must quote', async () => {
    const schema = name === 'SQLite' ? 'main' : 'My-schema';
    if (name !== 'SQLite') await knex.raw('create schema ??', [schema]);
    const qualified = `${schema}.Select-${table}`;
    const store = open({ table: qualified });
    const revision = await store.create('sid', '{"a":1}', HOUR);
    expect(await store.create('sid', '{"a":2}', HOUR)).toBe(false);
    expect(await store.swap('sid', '{"a":3}', 1, String(revision))).toMatchObject({ ok: true });
    while (await store.get('sid'));
    expect(await store.create('sid', '{"a":4}', HOUR)).toEqual(expect.any(String));
    expect(await store.touch('sid', 1)).toBe(true);
    while (await store.get('sid'));
    expect(await store.sweep()).toBe(1);
    expect(await indexes(`Select-${table}`)).toContain('expires');
    await listsUsers(store);
    expect(await indexes(`Select-${table}_users`)).toContain('expires');
    await dropSessionsTable(knex, { table: qualified });
    await dropSessionUsersTable(knex, { table: qualified });
    for (const each of [qualified, `${qualified}_users`]) {
      await expect(knex(each).select()).rejects.toThrow(/exist|no such table/);
    }
  });

  it.each(Object.entries(namings))('may have its names mapped: %s', async (_naming, names) => {
    const mapped = database.open(names);
    const store = open({ knex: mapped, table: `${table}Of` });
    await store.set('old', { cookie: {} }, 1);
    while (await store.get('old'));
    const created = String(await store.create('sid', '{"a":1}', HOUR));
    expect(await store.load('sid', { ttl: true })).toMatchObject({ record: '{"a":1}', ttl: expect.any(Number) });
    const swapped = await store.swap('sid', '{"a":2}', HOUR, created);
    expect(await store.swap('sid', '{"a":3}', HOUR, created)).toEqual({ ...swapped, ok: false, record: '{"a":2}' });
    expect(await store.touch('sid', HOUR)).toBe(true);
    expect(await store.mark('sid', 2)).toMatchObject({ record: '{"a":2}  ' });
    expect(await store.take('sid', 'null ', HOUR)).toBe('{"a":2}  ');
    expect([await store.remove('sid'), await store.touch('sid', HOUR)]).toEqual(['null ', false]);
    expect(await store.create('other', '{"b":1}', HOUR)).not.toBe(false);
    expect([await store.remove('other'), await store.mark('other', 1)]).toEqual(['{"b":1}', undefined]);
    await store.destroy('sid');
    expect(await store.sweep()).toBe(1);
    expect(await mapped(`${table}Of`).select()).toEqual([]);
    await listsUsers(store);
    await dropSessionsTable(mapped, { table: `${table}Of` });
    await dropSessionUsersTable(mapped, { table: `${table}Of` });
  });

  it('is checked again if the database could not be reached', async () => {
    const nowhere = name === 'SQLite' ? { filename: '/nowhere/at/all' } : { host: '127.0.0.1', port: 1, user: 'x' };
    const log = { warn: () => undefined };
    const store = open({ knex: database.open({ connection: nowhere, pool: { min: 0, max: 1 }, log }) });
    for (let n = 0; n < 2; n += 1) await expect(store.get('sid')).rejects.toThrow(/ECONNREFUSED|open|directory/);
  });
});

describe('The table of a KnexStore on PostgreSQL', () => {
  it('is waited for while a migration creates it', async () => {
    const database = await sqlDatabases.PostgreSQL();
    try {
      const knex = database.open();
      let reading: Promise<unknown> | undefined;
      await knex.transaction(async (transaction) => {
        await createSessionsTable(transaction);
        reading = knexStore({ knex, sweepInterval: 0 }).load('sid');
        await until(async () => {
          const { rows } = await knex.raw('select 1 from pg_locks where not granted');
          return rows.length > 0;
        });
      });
      expect(await reading).toBeNull();
    } finally {
      await database.stop();
    }
  });
});
