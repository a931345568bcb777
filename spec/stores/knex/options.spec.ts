import type { Knex } from 'knex';
import { createSessionsTable, dropSessionsTable, type KnexStoreOptions, knexStore } from '../../../lib/knex';
import { interop } from '../../interop';

const makeKnex = interop('knex') as (config: Knex.Config) => Knex;

describe('knexStore()', () => {
  const sqlite = { client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true };
  const waiting = (timeout: number) => ({
    min: 1,
    max: 1,
    afterCreate: (connection: { pragma(sql: string): void }, done: () => void) => {
      connection.pragma(`busy_timeout = ${timeout}`);
      done();
    },
  });
  const knex = makeKnex({ ...sqlite, pool: waiting(5000) });
  afterAll(() => knex.destroy());
  const refusal = (options: unknown) => {
    try {
      void knexStore(options as KnexStoreOptions).close();
    } catch (error) {
      return error instanceof TypeError ? error.message : error;
    }
    return undefined;
  };

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'Expected `options` to be an object such as `{ knex }`, got `undefined`'],
    ['Knex itself', knex, 'Expected `options` to be an object such as `{ knex }`, got a function'],
    ['no Knex', {}, 'Expected `knex` to be an instance of Knex, got `undefined`: call Knex with your configuration'],
    ['a configuration', { knex: sqlite }, 'got an object: call Knex with your configuration and pass the result'],
    ['the function of Knex', { knex: makeKnex }, 'got a function: call Knex with your configuration'],
    [
      'a url',
      { knex: 'postgres://localhost' },
      'Expected `knex` to be an instance of Knex, got `postgres://localhost`',
    ],
    [
      'Knex on another database',
      { knex: Object.assign(() => undefined, { client: { dialect: 'mssql' }, raw: () => undefined }) },
      'Expected `knex` to be an instance of Knex on MySQL, MariaDB, PostgreSQL or SQLite, got `mssql`',
    ],
    [
      'an unknown option',
      { knex, tableName: 'x' },
      'Expected the options to be among knex, table, createTable, sweepInterval, sweepBatch, got `tableName`',
    ],
    ['an empty table', { knex, table: '' }, 'Expected `table` to be a name of up to 48'],
    ['a long table', { knex, table: 'x'.repeat(49) }, 'Expected `table` to be a name of up to 48'],
    ['a table with two dots', { knex, table: 'a.b.c' }, 'Expected `table` to be a name of up to 48'],
    ['a table of SQL', { knex, table: 'a"; drop' }, 'Expected `table` to be a name of up to 48'],
    ['a table that is not a string', { knex, table: 5 }, 'Expected `table` to be a name of up to 48'],
    ['createTable 1', { knex, createTable: 1 }, 'Expected `createTable` to be `true` or `false`, got `1` (number)'],
    [
      'a negative interval',
      { knex, sweepInterval: -1 },
      'Expected `sweepInterval` to be a number of milliseconds from 0',
    ],
    [
      'an interval in words',
      { knex, sweepInterval: '5m' },
      'Expected `sweepInterval` to be a number of milliseconds from 0',
    ],
    [
      'an interval of months',
      { knex, sweepInterval: 2 ** 31 },
      'Expected `sweepInterval` to be a number of milliseconds from 0',
    ],
    ['no batch', { knex, sweepBatch: 0 }, 'Expected `sweepBatch` to be an integer from 1 to 10000, got `0`'],
    ['half a row', { knex, sweepBatch: 0.5 }, 'Expected `sweepBatch` to be an integer from 1 to 10000, got `0.5`'],
    ['a batch of all', { knex, sweepBatch: Number.POSITIVE_INFINITY }, 'Expected `sweepBatch` to be an integer'],
  ])('refuses %s', (_what, options, message) => {
    expect(refusal(options)).toContain(message);
  });

  it('refuses a transaction', async () => {
    await knex.transaction(async (transaction) => {
      expect(refusal({ knex: transaction })).toBe(
        'Expected `knex` to be an instance of Knex, got a transaction, which ends: pass the instance that began it',
      );
    });
  });

  it('treats `null` and `undefined` as "not given", and does not change the options', async () => {
    const options: KnexStoreOptions = Object.freeze({
      knex,
      table: null,
      createTable: undefined,
      sweepInterval: null,
      sweepBatch: undefined,
    });
    const store = knexStore(options);
    await store.create('sid', '{"a":1}', 60_000);
    expect(await knex('sessions').select('id')).toEqual([{ id: 'sid' }]);
    await store.close();
  });

  it('warns of an SQLite that does not wait for other processes, and of no other', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const warnings = async (timeout: number) => {
      const own = makeKnex({ ...sqlite, pool: waiting(timeout) });
      const store = knexStore({ knex: own, sweepInterval: 0 });
      await store.get('sid');
      await store.get('sid');
      await own.destroy();
      return warned.mock.calls.splice(0).map(([message]) => String(message));
    };
    expect(await warnings(0)).toEqual([expect.stringContaining('Set `pragma busy_timeout = 5000`')]);
    expect(await warnings(1)).toEqual([]);
    warned.mockRestore();
  });

  it.each([createSessionsTable, dropSessionsTable])('has migrations that refuse the same: %p', async (migrate) => {
    await expect(migrate(sqlite as unknown as Knex)).rejects.toThrow('Expected `knex` to be an instance of Knex');
    await expect(migrate(knex, { table: '' })).rejects.toThrow('Expected `table` to be a name of up to 48');
  });
});
