import { fromKeyv } from '../../../lib/keyv';
import { knexStore } from '../../../lib/knex';
import { MemoryStore, type SessionStore } from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { sealed } from '../../../lib/sealed';
import type { StoreContractOptions } from '../../../lib/testing';
import { type SqlDatabase, sqlDatabases } from '../../helpers/databases/sql-databases';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { indexingClient, plainClient, type Style, styles } from '../../helpers/stores/client-styles';
import { failuresOf, runContract } from '../../helpers/stores/contract-run';
import { RightTouchableClient } from '../../helpers/stores/right-client';
import { KEY, OLD } from '../../helpers/stores/sealing';
import { interop } from '../../interop';

const { Keyv } = interop('keyv') as typeof import('../../interop/node_modules/keyv');

const { thunks, generators } = styles as Record<'thunks' | 'generators', Style>;
const compareAndSet: StoreContractOptions = { guarantee: 'compare-and-set' };
const seal = (client: SessionStore) => sealed(client, { keys: [KEY, OLD] });

describe('A sealed store keeps the contract', () => {
  let redis: RedisServer;
  let inRedis: RedisStore;
  let [sealedRedis, sealedRows]: SessionStore[] = [];
  let database: SqlDatabase;
  beforeAll(async () => {
    [redis, database] = await Promise.all([startRedis(), sqlDatabases.SQLite()]);
    inRedis = redisStore({ host: '127.0.0.1', port: redis.port });
    // One for all cases: instances in one process would wait for each other's locks, and SQLite waits without a turn for others.
    const rows = knexStore({ knex: database.open(), sweepInterval: 0 });
    await rows.get('sid');
    [sealedRedis, sealedRows] = [seal(inRedis), seal(rows)];
  });
  afterAll(async () => {
    await inRedis.close();
    await Promise.all([redis.stop(), database.stop()]);
  });

  it.each<[string, () => SessionStore, StoreContractOptions]>([
    ['a MemoryStore', () => seal(new MemoryStore()), compareAndSet],
    ['a RedisStore', () => sealedRedis as SessionStore, compareAndSet],
    ['a KnexStore', () => sealedRows as SessionStore, compareAndSet],
    ['one that compares, and answers with thunks', () => seal(indexingClient(thunks)), compareAndSet],
    ['Keyv', () => seal(fromKeyv(new Keyv({ throwOnErrors: true }))), {}],
    ['a client that can touch, and answers with promises', () => seal(new RightTouchableClient()), {}],
    ['a client that answers with generators', () => seal(plainClient(generators)), {}],
  ])('around %s', async (_kind, make, options) => {
    expect(failuresOf(await runContract(make, options))).toEqual({});
  });
});
