import type { SessionStore } from '../../lib/main';
import { deadPort, sicknesses, startSickServer } from '../helpers/network/sick-server';
import { endOf, type KoaRedis, koaRedisKinds } from '../helpers/redis/koa-redis-client';
import type { RedisServer } from '../helpers/redis/server';
import { at, budget, grace, openCalmShop, openShop, timed } from '../helpers/sites/outage-shop';
import { MapClient } from '../helpers/stores/map-client';

/** A visitor of old, from the time when the sessions were there. */
const cookie = async () => {
  const shop = await openShop(new MapClient());
  const ann = shop.visitor();
  await ann.get('/put?user=ann');
  return ann;
};
const modes = [
  ['eager', false],
  ['defer', true],
] as const;

const noServer = async () => ({ port: await deadPort(), close: async () => undefined });
const servers = {
  'is not there': noServer,
  ...Object.fromEntries(Object.entries(sicknesses).map(([what, sickness]) => [what, () => startSickServer(sickness)])),
};

describe.each(Object.entries(koaRedisKinds))('%s', (_kind, connect) => {
  describe.each(Object.entries(servers))('whose server %s from the start', (_what, start) => {
    let client: KoaRedis;
    let close: () => Promise<void>;
    beforeEach(async () => {
      const server = await start();
      close = server.close;
      client = connect(server as unknown as RedisServer);
      client.on('error', () => undefined);
    });
    afterEach(async () => {
      await endOf(client);
      await close();
    });

    it.each(modes)(
      'delays no request longer than its budget, and is reported to the errorHandler: %s',
      async (_mode, defer) => {
        const [strict, calm] = [await openShop(client, { defer }), await openCalmShop(client, { defer })];
        const ann = await cookie();
        const [failed, wentOn] = await Promise.all([
          timed(at(strict, ann).get('/change')),
          timed(at(calm, ann).get('/change')),
        ]);
        expect([failed.reply.status, failed.reply.setCookie]).toEqual([500, []]);
        expect([wentOn.reply.status, wentOn.reply.setCookie, wentOn.reply.json()]).toEqual([200, [], {}]);
        expect(calm.told).toEqual([
          { type: 'connect', error: expect.objectContaining({ name: 'StoreUnavailableError', operation: 'get' }) },
        ]);
        for (const { ms } of [failed, wentOn]) expect(ms).toBeLessThan(budget + grace);
      },
    );

    it('does not affect routes without the session, in defer mode', async () => {
      const strict = await openShop(client, { defer: true });
      const reply = await at(strict, await cookie()).get('/idle');
      expect([reply.status, reply.text, strict.use.store.status]).toEqual([200, '"idle"', 'pending']);
    });
  });
});

it('reports why the connection failed, as the cause of its error', async () => {
  const client = Object.values(koaRedisKinds)[0]?.({ port: await deadPort() } as RedisServer) as KoaRedis;
  const calm = await openCalmShop(client);
  await at(calm, await cookie()).get('/change');
  await endOf(client);
  expect(calm.told).toMatchObject([{ type: 'connect', error: { cause: { code: 'ECONNREFUSED' } } }]);
});

describe('Routes without the session', () => {
  const hanging = () => new Promise<void>(() => undefined);
  const failing = () => Promise.reject(new Error('out of order'));

  it.each<[string, () => unknown]>([
    ['hangs', hanging],
    ['fails', failing],
  ])('do not call a client that %s, in defer mode, and get no cookie', async (_how, act) => {
    const asked = jest.fn(act);
    const client = { get: asked, set: asked, destroy: asked } as SessionStore;
    const strict = await openShop(client, { defer: true, rolling: true });
    const ann = at(strict, await cookie());
    const replies = await Promise.all(['GET', 'POST', 'DELETE'].map((method) => ann.request(method, '/idle')));
    expect(replies.map(({ status, text, setCookie }) => [status, text, setCookie])).toEqual(
      Array(3).fill([200, '"idle"', []]),
    );
    expect(asked).not.toHaveBeenCalled();
  });

  it('that fail for another reason report that, and not that the store is away', async () => {
    const strict = await openShop(
      { get: hanging, set: hanging, destroy: hanging },
      { defer: true },
      { '/broken': (ctx) => ctx.throw(418, 'teapot') },
    );
    const reply = await at(strict, await cookie()).get('/broken');
    expect([reply.status, reply.text]).toEqual([418, 'teapot']);
  });

  it('wait for the store in eager mode, which loads the session for them', async () => {
    const strict = await openShop({ get: failing, set: hanging, destroy: hanging });
    expect((await at(strict, await cookie()).get('/idle')).status).toBe(500);
  });
});
