import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Knex } from 'knex';
import {
  createSessionsTable,
  dropSessionsTable,
  type KnexStore,
  type KnexStoreOptions,
  knexStore,
} from '../../../lib/knex';
import { type Batch, Sweeper } from '../../../lib/stores/knex/sweeper';
import { type SqlDatabase, sqlDatabases, sqlServers } from '../../helpers/databases/sql-databases';
import { root } from '../../helpers/programs/node-program';
import { runScript } from '../../helpers/programs/process-script';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;

let warned: jest.SpyInstance;
beforeEach(() => {
  warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => warned.mockRestore());

const rowsOf = (count: number, prefix: string, expires: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `${prefix}${n}`, record: '{}', revision: randomUUID(), expires }));

/** So many rows that have expired, one after the other, and so many that have not. */
async function fill(knex: Knex, expired: number, living = 0): Promise<void> {
  await createSessionsTable(knex);
  await knex('sessions').delete();
  const dead = rowsOf(expired, 'dead', 0).map((row, n) => ({ ...row, expires: Date.now() - HOUR + n }));
  await knex.batchInsert('sessions', [...dead, ...rowsOf(living, 'alive', Date.now() + HOUR)], 500);
}

async function left(knex: Knex): Promise<number> {
  return (await knex('sessions').select('id')).length;
}

describe.each(Object.entries(sqlDatabases))('A sweep of a KnexStore on %s', (name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  const stores: KnexStore[] = [];
  beforeAll(async () => {
    database = await start();
    knex = database.open();
  });
  afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
  afterAll(() => database.stop());
  const open = (options: Partial<KnexStoreOptions> = {}) => {
    const store = knexStore({ knex, sweepInterval: 0, ...options });
    stores.push(store);
    return store;
  };

  it('removes only expired rows, in batches', async () => {
    await fill(knex, 230, 70);
    const store = open({ sweepBatch: 100 });
    let deletes = 0;
    const count = ({ sql }: { sql: string }) => {
      if (sql.startsWith('delete')) deletes += 1;
    };
    knex.on('query', count);
    expect(await store.sweep()).toBe(230);
    knex.removeListener('query', count);
    expect(deletes).toBe(3);
    expect(await left(knex)).toBe(70);
    expect(await store.sweep()).toBe(0);
  });

  it('removes rows that expired in the same millisecond', async () => {
    await fill(knex, 0);
    await knex.batchInsert('sessions', rowsOf(250, 'same', Date.now() - 1), 500);
    expect(await open({ sweepBatch: 100 }).sweep()).toBe(250);
  });

  it('shares the work with other processes that sweep, and with those that write', async () => {
    await fill(knex, 600, 10);
    // Connections of one process to SQLite would have to wait for each other without letting the process go on.
    const others = [0, 1, 2].map(() => (name === 'SQLite' ? knex : database.open()));
    const sweepers = others.map((other) => open({ knex: other, sweepBatch: 20 }));
    const writer = open();
    let isDone = false;
    const writing = async () => {
      for (let n = 0; !isDone; n += 1) {
        expect(await writer.touch(`alive${n % 10}`, HOUR)).toBe(true);
        expect(await writer.create(`dead${599 - n}`, '{"new":true}', HOUR)).toEqual(expect.any(String));
        expect(await writer.create(`new${n}`, '{}', HOUR)).toEqual(expect.any(String));
        if (n === 100) break;
      }
    };
    const sweeping = Promise.all(sweepers.map((store) => store.sweep())).finally(() => {
      isDone = true;
    });
    const [removed] = await Promise.all([sweeping, writing()]);
    const total = removed.reduce((sum, count) => sum + count, 0);
    const reborn = (await knex('sessions').select('id').where({ record: '{"new":true}' })).length;
    expect(reborn).toBeGreaterThan(0);
    // A row that was stored again in time could not be removed, and the process that missed it left the rest to the
    // next sweep.
    const rest = await open().sweep();
    expect(total + rest).toBeLessThanOrEqual(600);
    expect(total + rest).toBeGreaterThanOrEqual(600 - reborn);
    expect((await knex('sessions').select('id').where('expires', '<=', Date.now())).length).toBe(0);
    expect((await knex('sessions').select('id').where({ record: '{"new":true}' })).length).toBe(reborn);
  });

  it('spares a session that is stored again between its two statements', async () => {
    await fill(knex, 10);
    // On one connection the next statement is the one that was asked for first.
    const own = database.open({ pool: { min: 1, max: 1 } });
    const store = open({ knex: own });
    await store.get('sid');
    const renewed: Promise<unknown>[] = [];
    own.on('query-response', (_rows: unknown, { sql }: { sql: string }) => {
      if (renewed.length === 0 && sql.startsWith('select')) renewed.push(store.set('dead3', { cookie: {} }, HOUR));
    });
    expect(await store.sweep()).toBe(9);
    await renewed[0];
    expect(await store.get('dead3')).toEqual({ cookie: {} });
    expect(await left(knex)).toBe(1);
  });

  it('runs by itself, at intervals', async () => {
    await fill(knex, 30, 5);
    const store = open({ sweepInterval: 20 });
    await until(async () => (await left(knex)) === 5);
    await knex.batchInsert('sessions', rowsOf(30, 'later', Date.now() - 1), 500);
    await until(async () => (await left(knex)) === 5);
    await store.close();
    expect(warned).not.toHaveBeenCalled();
  });

  it('never runs with an interval of 0, nor after the store was closed', async () => {
    await fill(knex, 10);
    const closed = open({ sweepInterval: 1 });
    await closed.close();
    open({ sweepInterval: 0 });
    // Another one shows that there was time.
    const table = 'others';
    await createSessionsTable(knex, { table });
    await knex.batchInsert(table, rowsOf(1, 'other', 1), 500);
    open({ table, sweepInterval: 20 });
    await until(async () => (await knex(table).select('id')).length === 0);
    expect(await left(knex)).toBe(10);
    expect(await closed.sweep()).toBe(0);
  });

  it('that fails causes one warning, and runs again', async () => {
    await dropSessionsTable(knex);
    let failures = 0;
    const hear = () => {
      failures += 1;
    };
    knex.on('query-error', hear);
    open({ sweepInterval: 10, createTable: false });
    await until(() => failures > 3);
    knex.removeListener('query-error', hear);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(warned).toHaveBeenCalledWith(
      expect.stringContaining('Expired sessions could not be removed and stay until the next sweep: The table'),
      { code: 'KOA_EVENTED_SESSION_SWEEP' },
    );
    await fill(knex, 10, 1);
    await until(async () => (await left(knex)) === 1);
    expect(warned).toHaveBeenCalledTimes(1);
    await dropSessionsTable(knex);
    await until(() => warned.mock.calls.length === 2);
  });

  it('ends early when the store is closed, and Knex may be destroyed then', async () => {
    await fill(knex, 1000);
    const own = database.open();
    const store = open({ knex: own, sweepBatch: 10 });
    const sweeping = store.sweep();
    await until(async () => (await left(knex)) < 1000);
    await store.close();
    await own.destroy();
    const removed = await sweeping;
    expect(removed).toBeGreaterThan(0);
    expect(await left(knex)).toBe(1000 - removed);
    expect(warned).not.toHaveBeenCalled();
  });

  it('does not keep the process alive', async () => {
    const script = `
      const { knexStore } = require(args.store);
      const knex = require(args.knex)({ ...args.config, pool: { min: 0, afterCreate: (connection, done) => done(connection.pragma?.('busy_timeout = 5000') && undefined) } });
      const store = knexStore({ knex, sweepInterval: 60000 });
      console.log(await store.get('missing'));
      await knex.destroy();`;
    const args = {
      store: join(root, 'dist', 'knex.js'),
      knex: join(root, 'spec/interop/node_modules/knex'),
      config: database.config,
    };
    expect(await runScript('own', script, args)).toEqual({ code: 0, signal: null, stdout: 'undefined\n', stderr: '' });
  });
});

describe.each(Object.entries(sqlServers))('A sweep of a KnexStore on %s that must wait', (_name, start) => {
  it('does not block other work', async () => {
    const database = await start();
    try {
      const knex = database.open();
      await fill(knex, 10, 10);
      const store = knexStore({ knex, sweepInterval: 0 });
      let sweeping: Promise<number> | undefined;
      await knex.transaction(async (transaction) => {
        await transaction('sessions').where({ id: 'dead5' }).forUpdate().select();
        sweeping = store.sweep();
        const waiting = await Promise.race([sweeping, store.create('new', '{}', HOUR).then(() => 'waits')]);
        expect(waiting).toBe('waits');
        for (let n = 0; n < 10; n += 1) {
          const { revision } = (await store.load(`alive${n}`)) ?? {};
          expect(await store.touch(`alive${n}`, HOUR)).toBe(true);
          expect(await store.swap(`alive${n}`, '{"n":1}', HOUR, String(revision))).toMatchObject({ ok: true });
          // In the gaps between the rows that are locked.
          expect(await store.create(`dead${n}0`, '{}', HOUR)).toEqual(expect.any(String));
        }
      });
      expect(await sweeping).toBe(10);
    } finally {
      await database.stop();
    }
  });
});

describe('A sweeper', () => {
  const nothing: Batch = { removed: 0, isLast: true, from: 0 };
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('runs at a random time within the second half of the interval', async () => {
    const sweeps: number[] = [];
    const start = Date.now();
    const sweepers = Array.from(
      { length: 50 },
      () =>
        new Sweeper(1000, async () => {
          sweeps.push(Date.now() - start);
          return nothing;
        }),
    );
    await jest.advanceTimersByTimeAsync(1000);
    expect(sweeps).toHaveLength(50);
    expect(Math.min(...sweeps)).toBeGreaterThanOrEqual(500);
    expect(new Set(sweeps).size).toBeGreaterThan(10);
    await Promise.all(sweepers.map((sweeper) => sweeper.close()));
  });

  it('does not wait for ever for a batch that hangs when it is closed', async () => {
    const sweeper = new Sweeper(0, () => new Promise<never>(() => undefined));
    void sweeper.sweep();
    await jest.advanceTimersByTimeAsync(0);
    let isClosed = false;
    void sweeper.close().then(() => {
      isClosed = true;
    });
    await jest.advanceTimersByTimeAsync(4999);
    expect(isClosed).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(isClosed).toBe(true);
  });

  it('runs one sweep after the other', async () => {
    let [running, most] = [0, 0];
    const sweeper = new Sweeper(0, async () => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return { ...nothing, removed: 1 };
    });
    expect(await Promise.all([sweeper.sweep(), sweeper.sweep(), sweeper.sweep()])).toEqual([1, 1, 1]);
    expect(most).toBe(1);
  });
});
