import { until } from '../time/until';
import { type RedisServer, startRedis } from './server';

/** A primary, its replica, and a sentinel that promotes the replica when the primary is gone. */
export interface RedisTopology {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinel: RedisServer;
  /** Options of ioredis that find the primary, whichever it is. */
  readonly options: { sentinels: { host: string; port: number }[]; name: string };
  /** Resolves once the replica has all that the primary has by now. */
  replicated(): Promise<void>;
  stop(): Promise<void>;
}

const name = 'sessions';

/** Starts the three of them; the sentinel counts the primary as down after so many milliseconds of silence. */
export async function startSentinel(downAfter: number): Promise<RedisTopology> {
  const primary = await startRedis();
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  const sentinel = await startRedis({
    config: [
      `sentinel monitor ${name} 127.0.0.1 ${primary.port} 1`,
      `sentinel down-after-milliseconds ${name} ${downAfter}`,
      `sentinel failover-timeout ${name} 5000`,
    ],
    args: ['--sentinel'],
  });
  await until(async () => (await replica.info('replication'))['master_link_status'] === 'up');
  // Only a replica that the sentinel knows of can follow.
  await until(async () => (await sentinel.info('sentinel'))['master0']?.includes('status=ok') === true);
  await until(async () => (await sentinel.info('sentinel'))['master0']?.includes('slaves=1') === true);
  return {
    primary,
    replica,
    sentinel,
    options: { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name },
    replicated: async () => {
      const written = await offset(primary);
      await until(async () => (await offset(replica)) >= written);
    },
    stop: async () => {
      await Promise.all([sentinel, replica, primary].map((server) => server.stop()));
    },
  };
}

async function offset(server: RedisServer): Promise<number> {
  return Number((await server.info('replication'))['master_repl_offset']);
}
