import Koa from 'koa';
import session, { type SessionOptions } from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import { randomFrom } from '../http/cookie-noise';
import { LightJar } from '../http/light-requests';
import { type Browser, browser, type Served, serve } from '../http/serve';
import { driverOf } from '../redis/drivers';
import { type RedisServer, startRedis } from '../redis/server';
import { type Fault, faults, judge } from './judge';
import { type Finished, finish, type Requests, type Result, sessionsIn } from './race';
import { listen, racing } from './routes';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const processes = 2;

/** Runs each race so many times on a real Redis, over HTTP, in two processes with a connection each. */
export function redisRaces(races: Record<string, Requests>, rounds: number, seed: number): void {
  let redis: RedisServer;
  const figures: Partial<Record<Fault | 'rounds', number>> = {};
  const count = (name: keyof typeof figures, by = 1) => {
    figures[name] = (figures[name] ?? 0) + by;
  };

  beforeAll(async () => {
    for (const fault of faults) figures[fault] = 0;
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.stop();
    const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(`Races on Redis, seed ${seed}: ${told.join(', ')}\n`);
  });

  it.each(Object.entries(races))(`lose nothing and restore nothing in ${rounds} rounds: %s`, async (_what, race) => {
    const random = randomFrom(seed);
    const heard = new Map<string, string[]>();
    const sites = await Promise.all(
      Array.from({ length: processes }, () => openSite(redis, race.options ?? {}, random, heard)),
    );
    const wrong: Partial<Record<Fault, string>> = {};
    for (let round = 0; round < rounds; round += 1) {
      const result = await run(redis, sites, race.requests, random, heard);
      const { overtaken, ...verdict } = judge({ ...race, store: 'compare-and-set', processes }, result);
      if (overtaken !== undefined) count('overtaken');
      for (const [fault, what] of Object.entries(verdict) as [Fault, string][]) {
        count(fault);
        wrong[fault] ??= `${what}: ${JSON.stringify(result.finished)}`;
      }
    }
    count('rounds', rounds);
    await Promise.all(sites.map((site) => site.close()));
    expect(wrong).toEqual({});
  });
}

/** A process: an application with a separate connection. */
async function openSite(
  redis: RedisServer,
  options: SessionOptions,
  random: () => number,
  heard: ReadonlyMap<string, string[]>,
): Promise<Served> {
  const driver = driverOf('ioredis5');
  const client = driver.open({ host: '127.0.0.1', port: redis.port });
  const store = redisStore({ client });
  const sessions = session({ store, ...options });
  const app = new Koa();
  app.keys = ['secret'];
  listen(app, heard);
  // Some take many turns of the event loop, others none.
  const hold = async () => {
    for (let turns = Math.floor(random() * random() * 30); turns > 0; turns -= 1) await turn();
  };
  app.use(sessions).use(racing(hold));
  const served = await serve(app);
  const close = async () => {
    await Promise.all([served.close(), sessions.close()]);
    await store.close();
    await driver.end(client);
  };
  return { ...served, close };
}

async function run(
  redis: RedisServer,
  sites: readonly Served[],
  requests: readonly string[],
  random: () => number,
  heard: Map<string, string[]>,
): Promise<Result> {
  await redis.command('FLUSHALL');
  const visitors = sites.map(({ url }) => browser(url));
  const any = () => visitors[Math.floor(random() * visitors.length)] as Browser;
  const jar = new LightJar((await any().get('/login/ann')).setCookie);
  const [sid, cookie] = [String(jar.get('koa.sid')), jar.header];

  const finished: Finished[] = [];
  await Promise.all(
    requests.map(async (path) => {
      const told: string[] = [];
      heard.set(path, told);
      // The visitor has not seen yet what the other requests were sent.
      const reply = await any().get(path, { cookie });
      jar.take(reply.setCookie);
      finished.push(finish(path, reply, told));
    }),
  );

  const keys = (await redis.command(`EVAL "return table.concat(redis.call('KEYS','*'),' ')" 0`)).split(' ');
  const records = await Promise.all(
    keys.filter(Boolean).map(async (key) => [key, (await redis.command(`GET ${key}`)) || null] as const),
  );
  return { sid, finished, jar, sessions: sessionsIn(records), revived: 0, trace: [] };
}
