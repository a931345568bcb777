import { type Ailment, ailments, untilWell } from '../helpers/redis/ailing';
import { endOf, type KoaRedis, koaRedis, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import {
  at,
  budget,
  grace,
  openCalmShop,
  openShop,
  patient,
  summary,
  type Told,
  timed,
} from '../helpers/sites/outage-shop';
import { sentId } from '../helpers/sites/session-site';

const modes = [
  ['eager', false],
  ['defer', true],
] as const;

let redis: RedisServer;
let client: KoaRedis;
let cure: (() => Promise<unknown>) | undefined;
const strike = async (ailment: Pick<Ailment, 'begin'>) => {
  cure = await ailment.begin(redis, client);
};
const recover = async () => {
  const one = cure;
  cure = undefined;
  await one?.();
};
// Even if a spec failed before.
afterEach(recover);

/** The key and the text of the only session. */
const storedSession = async () => {
  const key = await redis.command("EVAL \"return redis.call('KEYS','koa:sess:*')[1]\" 0");
  return [key, await redis.command(`GET ${key}`)];
};
const start = async (options: Parameters<typeof startRedis>[0], clientOptions: object = {}) => {
  redis = await startRedis(options);
  client = koaRedis(redis, clientOptions);
  client.on('error', () => undefined);
  await untilReady(client);
};
const stop = async () => {
  await endOf(client);
  await redis.stop();
};

describe.each(Object.entries(ailments))(
  'A Redis that %s',
  (_what, { redis: options, client: clientOptions, ...ailment }) => {
    const { type, says, ...failure } = ailment.failure;
    const cause =
      says === undefined ? undefined : expect.objectContaining({ message: expect.stringMatching(`^${says}`) });
    const told = {
      type,
      error: expect.objectContaining({
        ...failure,
        code: expect.stringMatching(/^ERR_SESSION_STORE/),
        // Of a lost connection the cause is what the client says last, if anything.
        ...(type === 'connect' ? {} : { cause }),
      }),
    };
    const { error } = told;

    beforeAll(() => start(options, clientOptions));
    afterEach(() => redis.command('FLUSHALL'));
    afterAll(stop);

    it.each(modes)(
      'delays no request longer than its budget, and leaves the session unchanged: %s',
      async (_mode, defer) => {
        // Only one that hangs is waited for in vain.
        const hurry = failure.name === 'StoreTimeoutError' ? {} : patient;
        const strict = await openShop(client, { defer, ...hurry });
        const calm = await openCalmShop(client, { defer, ...hurry });
        const ann = (await openShop(client, { defer, ...patient })).visitor();
        await ann.get('/put?user=ann');
        const before = await storedSession();

        await strike(ailment);
        const [failed, wentOn] = await Promise.all([
          timed(at(strict, ann).get('/change')),
          timed(at(calm, ann).get('/change')),
        ]);
        await recover();
        await untilWell(client);

        expect([failed.reply.status, failed.reply.setCookie]).toEqual([500, []]);
        expect(strict.errors.map(summary)).toEqual([error]);
        const seen = failure.operation === 'get' ? {} : { user: 'ann' };
        expect([wentOn.reply.status, wentOn.reply.setCookie, wentOn.reply.json()]).toEqual([200, [], seen]);
        expect(calm.told.map((it) => ({ type: it.type, error: summary(it.error) }))).toEqual([told]);
        expect(calm.errors).toEqual([]);
        for (const { ms } of [failed, wentOn]) expect(ms).toBeLessThan(budget + grace);

        expect(await storedSession()).toEqual(before);
        for (const shop of [strict, calm]) expect((await at(shop, ann).get('/see')).json()).toEqual({ user: 'ann' });
      },
    );

    it.each(modes)('serves visitors without a session: %s', async (_mode, defer) => {
      const strict = await openShop(client, { defer });
      await strike(ailment);
      const { reply, ms } = await timed(strict.visitor().get('/see'));
      expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
      expect(ms).toBeLessThan(budget + grace);
      await recover();
      await untilWell(client);
    });
  },
);

describe('A Redis that refuses writes', () => {
  const [readOnly, full] = [ailments['became a replica'], ailments['is out of memory']] as [Ailment, Ailment];
  beforeEach(() => start({}));
  afterEach(stop);

  it('keeps nobody logged in: the cookie is cleared, and the errorHandler gets the error of the record that stays', async () => {
    const calm = await openCalmShop(client, patient);
    const ann = calm.visitor();
    await ann.get('/put?user=ann');
    const before = await storedSession();
    await strike(readOnly);
    const reply = await ann.get('/logout');
    await recover();
    expect([reply.status, sentId(reply)]).toEqual([200, '']);
    expect(calm.told).toEqual([
      { type: 'destroy', error: expect.objectContaining({ operation: 'destroy' }) } satisfies Told,
    ]);
    expect(await storedSession()).toEqual(before);
    expect((await ann.get('/see')).json()).toEqual({});
  });

  it('lets users log out if it is only full', async () => {
    const strict = await openShop(client, patient);
    const ann = strict.visitor();
    await ann.get('/put?user=ann');
    await strike(full);
    const reply = await ann.get('/logout');
    await recover();
    expect([reply.status, sentId(reply), await redis.command('DBSIZE')]).toEqual([200, '', '0']);
  });

  it('cannot extend a session, which the errorHandler gets as a touch; no cookie is sent for the record', async () => {
    const calm = await openCalmShop(client, { rolling: true, ...patient });
    const ann = calm.visitor();
    await ann.get('/put?user=ann');
    await strike(readOnly);
    const reply = await ann.get('/see');
    await recover();
    expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, { user: 'ann' }, []]);
    expect(calm.told).toEqual([{ type: 'touch', error: expect.objectContaining({ name: 'StoreError' }) }]);
  });

  it.each(modes)('starts no new session, and sends no cookie for one: %s', async (_mode, defer) => {
    const calm = await openCalmShop(client, { defer, ...patient });
    const strict = await openShop(client, { defer, ...patient });
    await strike(full);
    const replies = [await calm.visitor().get('/put?user=ann'), await strict.visitor().get('/put?user=ann')];
    await recover();
    expect(replies.map(({ status, setCookie }) => [status, setCookie])).toEqual([
      [200, []],
      [500, []],
    ]);
    expect(calm.told).toEqual([{ type: 'set', error: expect.objectContaining({ operation: 'set' }) }]);
    expect(await redis.command('DBSIZE')).toBe('0');
  });
});
