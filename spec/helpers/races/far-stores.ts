import { knexStore } from '../../../lib/knex';
import type { CompareAndSetStore, SessionStore, StoredRecord, SwapResult } from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import { type SqlServer, sqlServers } from '../databases/sql-databases';
import { startDistance } from '../network/distance';
import { startCluster } from '../redis/cluster';
import { type Address, driverOf } from '../redis/drivers';
import { startRedis } from '../redis/server';

/** A store of this package that can compare. */
export interface ComparingClient extends SessionStore, CompareAndSetStore {
  load(key: string): Promise<StoredRecord | null>;
  swap(key: string, record: string, ttl: number, expected: unknown): Promise<SwapResult>;
}

/** A server, and stores on it that are near or far. */
export interface FarStores {
  /** A store with a separate connection, `ms` milliseconds away in each direction. Default: beside the server. */
  open(ms?: number): Promise<ComparingClient>;
  /** Ends the stores, and the server. */
  stop(): Promise<void>;
}

export const farStores = {
  Redis: async () => {
    const server = await startRedis();
    return stores(
      () => server.stop(),
      async (ms, ends) => {
        const client = driverOf('ioredis5').open({ host: '127.0.0.1', port: await portTo(server.port, ms, ends) });
        ends.push(() => driverOf('ioredis5').end(client));
        return redisStore({ client });
      },
    );
  },
  'Redis Cluster': async () => {
    const cluster = await startCluster();
    return stores(
      () => cluster.stop(),
      async (ms, ends) => {
        const far = await Promise.all(cluster.addresses.map(async ({ port }) => portTo(port, ms, ends)));
        const nodes = far.map((port): Address => ({ host: '127.0.0.1', port }));
        // The servers report their own addresses.
        const natMap = Object.fromEntries(cluster.addresses.map(({ host, port }, n) => [`${host}:${port}`, nodes[n]]));
        const client = driverOf('ioredis5').openCluster(nodes, { natMap });
        ends.push(() => driverOf('ioredis5').end(client));
        return redisStore({ client });
      },
    );
  },
  MariaDB: () => sqlStores(sqlServers.MariaDB()),
  PostgreSQL: () => sqlStores(sqlServers.PostgreSQL()),
} satisfies Record<string, () => Promise<FarStores>>;

type Ends = (() => unknown)[];

function stores(stop: () => Promise<unknown>, open: (ms: number, ends: Ends) => Promise<ComparingClient>): FarStores {
  const ends: Ends = [];
  return {
    open: (ms = 0) => open(ms, ends),
    stop: async () => {
      for (const end of ends.splice(0).reverse()) await end();
      await stop();
    },
  };
}

async function sqlStores(starting: Promise<SqlServer>): Promise<FarStores> {
  const database = await starting;
  return stores(
    () => database.stop(),
    async (ms, ends) => {
      const { connection } = database.server;
      const port = await portTo(connection.port, ms, ends);
      const knex = database.open({ connection: { ...connection, port } });
      const store = knexStore({ knex, sweepInterval: 0 });
      // Before anybody writes, so that the first call does not have to look for the table.
      await store.get('nothing');
      ends.push(() => knex.destroy());
      return store;
    },
  );
}

async function portTo(port: number, ms: number, ends: Ends): Promise<number> {
  if (ms === 0) return port;
  const distance = await startDistance(port, ms);
  ends.push(() => distance.close());
  return distance.port;
}
