import type { SessionIds } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { randomFrom } from '../helpers/http/cookie-noise';
import { browser } from '../helpers/http/serve';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { openSite, sessionOf } from '../helpers/sites/session-site';
import { until } from '../helpers/time/until';

import session = require('../../lib/main');

const SEED = Number(process.env['SEED'] ?? 20_300_102);
const VISITORS = Number(process.env['VISITORS'] ?? 5);
/** Requests of a visitor while each deployment goes on, two at a time. */
const REQUESTS = Number(process.env['REQUESTS'] ?? 4);

const later = new Date(Date.now() + 7 * 86_400_000);
const toHashed: SessionIds = { hashed: true, readPlainUntil: later };
const toPlain: SessionIds = { hashed: false, readHashedUntil: later };

/** What the two processes are deployed with, one after the other. */
const deployments: SessionIds[][] = [
  ['plain', 'plain'],
  [toPlain, 'plain'],
  [toPlain, toPlain],
  [toPlain, toHashed],
  [toHashed, toHashed],
  // An hour later, all have moved, and the way back begins.
  [toHashed, 'hashed'],
  ['hashed', 'hashed'],
  [toHashed, 'hashed'],
  [toPlain, toHashed],
  [toPlain, toPlain],
];

describe(`An application on a real Redis that moves to hashed ids and back under load, seed ${SEED}`, () => {
  let redis: RedisServer;
  const driver = driverOf('ioredis5');

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function open(ids: SessionIds) {
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    await until(() => driver.isReady(client));
    const sessions = session({ store: redisStore({ client }), ids, user: (held) => held['user'] as string });
    const site = await openSite({
      use: sessions,
      routes: {
        '/add': (ctx) =>
          ctx.sessionHandler.update((held) => {
            held['count'] = Number(held['count'] ?? 0) + 1;
          }),
        '/mine': async (ctx) => ({
          ...(await sessionOf(ctx)),
          sessions: await sessions.of(String(ctx.query['user'])).count(),
        }),
      },
    });
    const close = async () => {
      await site.close();
      await sessions.close();
      await driver.end(client);
    };
    return { ...site, close };
  }

  it('logs nobody out and loses no change', async () => {
    const random = randomFrom(SEED);
    const first = await open('plain');
    const visitors = Array.from({ length: VISITORS }, (_, n) => ({
      name: `u${n}`,
      jar: first.visitor().jar,
      added: 0,
    }));
    await Promise.all(visitors.map(({ name, jar }) => browser(first.url, jar).get(`/put?user=${name}`)));
    await first.close();

    for (const ids of deployments) {
      const sites = await Promise.all(ids.map(open));
      const any = () => sites[Math.floor(random() * sites.length)]?.url as string;
      await Promise.all(
        visitors.map(async (visitor) => {
          for (let sent = 0; sent < REQUESTS; sent += 2) {
            const replies = await Promise.all([0, 1].map(() => browser(any(), visitor.jar).get('/add')));
            expect(replies.map(({ status }) => status)).toEqual([200, 200]);
            visitor.added += 2;
          }
          const mine = (await browser(any(), visitor.jar).get(`/mine?user=${visitor.name}`)).json();
          expect(mine).toMatchObject({ user: visitor.name, count: visitor.added });
        }),
      );
      for (const { name, jar } of visitors) {
        expect((await browser(any(), jar).get(`/mine?user=${name}`)).json()).toMatchObject({ sessions: 1 });
      }
      await Promise.all(sites.map((site) => site.close()));
    }
  });
});
