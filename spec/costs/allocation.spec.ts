import { agedBy, allocatedBy } from '../helpers/programs/allocating-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

/**
 * The bytes that a request allocates, with a session of 1 kB, on Node 20: bare Koa with the same commands for Redis takes 18 300, 20 400,
 * 28 400 and 19 900. A change that saves some is noted here.
 */
const ALLOCATED = { '/pass': 24_900, '/read': 29_400, '/write': 51_300, '/create': 40_000 };
/** Another Node allocates something else for the same. */
const TOLERANCE = process.version.startsWith('v20.') ? 0.03 : 0.25;

/** At most so many bytes of a write may become old. They were 1 500 while the queue of writers kept the text that it had stored, and are 600. */
const AGED = 1000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.kill());

it(`A request allocates as many bytes as it did, within ${TOLERANCE * 100} %`, async () => {
  const allocated = await allocatedBy(redis.port, Object.keys(ALLOCATED));
  const differing = Object.entries(ALLOCATED).filter(
    ([path, bytes]) => Math.abs(Number(allocated[path]) / bytes - 1) > TOLERANCE,
  );
  expect(differing.map(([path, bytes]) => `${path}: ${Math.round(Number(allocated[path]))}, not ${bytes}`)).toEqual([]);
});

it('What a write has stored does not stay in memory until a full garbage collection', async () => {
  expect(await agedBy(redis.port, '/write')).toBeLessThan(AGED);
});
