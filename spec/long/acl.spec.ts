import Koa from 'koa';
import type session from '../../lib/main';
import { RedisStore } from '../../lib/redis';
import type { RedisClient } from '../../lib/stores/redis/driver';
import { env, judged, password, type Use } from '../helpers/cli/acl-user';
import { command } from '../helpers/cli/command';
import { type RedisCluster, startCluster } from '../helpers/redis/cluster';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { requestContract } from '../helpers/requests/contract';
import type { OpenClient } from '../helpers/stores/open-clients';

describe('requests of an application whose user has the line of `acl`', () => {
  let redis: RedisServer;
  let client: RedisClient;

  /** One whose size is known without asking Redis, as the contract expects. */
  class CountingStore extends RedisStore {
    readonly #keys = new Set<string>();

    get size(): number {
      return this.#keys.size;
    }

    /** Other texts than sessions, too. */
    override async get(key: string) {
      const found = await this.load(key);
      return found === null ? undefined : (JSON.parse(found.record) as session.Session);
    }

    override async create(...args: Parameters<RedisStore['create']>) {
      const revision = await super.create(...args);
      if (revision !== false) this.#keys.add(args[0]);
      return revision;
    }

    override async set(key: string, value: never, ttl: number) {
      await super.set(key, value, ttl);
      this.#keys.add(key);
    }

    override async remove(key: string) {
      const text = await super.remove(key);
      if (!text?.startsWith('null')) this.#keys.delete(key);
      return text;
    }

    override async destroy(key: string) {
      await super.destroy(key);
      this.#keys.delete(key);
    }
  }

  beforeAll(async () => {
    redis = await startRedis();
    const { out } = await command('acl --prefix koa:sess:', { env });
    await redis.command(out.trim());
    // A case has another prefix.
    await redis.command('ACL SETUSER koa ~shop:*');
    client = driverOf('ioredis5').open({ host: '127.0.0.1', port: redis.port, username: 'koa', password });
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterAll(async () => {
    const refused = await redis.command('ACL LOG');
    await driverOf('ioredis5').end(client);
    await redis.stop();
    expect(refused).toBe('0');
  });

  requestContract({
    Koa,
    defer: false,
    newClient: () => new CountingStore({ client }) as unknown as OpenClient,
    hasRecords: true,
    sharesSessions: true,
  });
});

describe('the line of `acl` for a Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster(2);
  });
  afterAll(() => cluster.stop());

  it.each<[Parameters<typeof judged>[0], string, Use[]]>([
    ['ioredis with --cluster', '--cluster --user-index --walking', ['requests', 'indexing', 'walking']],
    ['ioredis with --cluster', '--cluster --broadcast-endings', ['requests', 'hearing']],
    ['redis with --cluster', '--client redis --cluster --broadcast-endings', ['requests', 'hearing']],
  ])('allows what is needed and nothing else: %s, %s', async (client, options, uses) => {
    const { tried, ...found } = await judged(client, options, cluster.nodes, uses);
    expect(found).toEqual({ refused: [], failures: [], superfluous: [] });
    expect(tried).toBeGreaterThan(0);
  });
});
