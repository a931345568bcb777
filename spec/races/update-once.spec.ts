import type { RedisClient } from '../../lib/stores/redis/driver';
import { startBreaking } from '../helpers/network/breaking-line';
import { countsOnceContract } from '../helpers/races/counts-once';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('update(), if its connection breaks and the driver sends it again,', () => {
  countsOnceContract(async () => {
    const line = await startBreaking([redis.port]);
    const driver = driverOf('ioredis5');
    const [far, near] = [...line.ports, redis.port].map((port) => driver.open({ host: '127.0.0.1', port })) as [
      RedisClient,
      RedisClient,
    ];
    const end = () => Promise.all([driver.end(far), driver.end(near), line.close()]);
    return { far, near, line, end };
  });
});
