import { once } from 'node:events';
import type Koa from 'koa';
import type { OnConflict, SessionOptions } from '../../lib/main';
import { type RedisStore, redisStore } from '../../lib/redis';
import type { IoRedisClient } from '../../lib/stores/redis/driver';
import { everywhere } from '../helpers/races/kinds';
import { redisRaces } from '../helpers/races/on-redis';
import { siteOf } from '../helpers/races/overlap-contract';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { type Routes, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { type Gate, gate, meeting } from '../helpers/time/gate';
import { until } from '../helpers/time/until';

const SEED = Number(process.env['SEED'] ?? 20_300_103);

describe(`Requests of one session on a real Redis, in two processes, seed ${SEED}`, () => {
  redisRaces(everywhere, 10, SEED);
});

describe('On a real Redis', () => {
  const driver = driverOf('ioredis5');
  let redis: RedisServer;
  const ends: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await redis.stop();
  });

  /** A process: a site with a separate connection. */
  const open = async (options: SessionOptions, routes: Routes) => {
    const client = driver.open({ host: '127.0.0.1', port: redis.port }) as IoRedisClient & {
      stream: { destroy(): void };
    };
    await until(() => driver.isReady(client));
    const store = redisStore({ client });
    const site = await siteOf(store, options, routes);
    ends.push(
      () => driver.end(client),
      () => store.close(),
      () => site.close(),
    );
    return { ...site, client, store };
  };
  type Process = Awaited<ReturnType<typeof open>>;
  const login = async (site: Process) => {
    const ann = site.visitor();
    // The second one is a swap, so that Redis knows the script.
    for (const path of ['/put?user=ann', '/put?warm=1']) await ann.get(path);
    return { ann, cookie: await ann.jar.getCookieString(site.url), see: async () => (await ann.get('/see')).json() };
  };

  describe('a counter that ten requests in two processes have read before any of them writes it', () => {
    const count = async (options: SessionOptions) => {
      const meet = meeting(10);
      const routes: Routes = {
        '/hit': async (ctx) => {
          const it = await sessionOf(ctx);
          await meet();
          it['n'] = Number(it['n'] ?? 0) + 1;
        },
        '/update': async (ctx) => {
          await meet();
          await ctx.sessionHandler.update((it) => {
            it['n'] = Number(it['n'] ?? 0) + 1;
          });
        },
      };
      const sites = [await open(options, routes), await open(options, routes)] as const;
      const { cookie, see } = await login(sites[0]);
      return async (path: string) => {
        const replies = await Promise.all(
          Array.from({ length: 10 }, (_, i) => sites[i % 2 ? 1 : 0].visitor().get(path, { cookie })),
        );
        const codes = sites.flatMap(({ errors }) => errors).map((error) => (error as Error & { code: string }).code);
        return {
          n: ((await see()) as { n: number }).n,
          answered: replies.filter(({ status }) => status === 200).length,
          codes,
        };
      };
    };

    const add: OnConflict = (_key, base, mine, theirs) => Number(theirs) + Number(mine) - Number(base ?? 0);
    it.each<[string, OnConflict, object]>([
      ["counts once with onConflict 'last-write'", 'last-write', { n: 1, answered: 10, codes: [] }],
      [
        "counts once with 'throw', and the other nine are told",
        'throw',
        { n: 1, answered: 1, codes: Array(9).fill('ERR_SESSION_CONFLICT') },
      ],
      ['counts ten with a function that adds', add, { n: 10, answered: 10, codes: [] }],
    ])('%s', async (_what, onConflict, outcome) => {
      expect(await (await count({ onConflict }))('/hit')).toEqual(outcome);
    });

    it.each<OnConflict>(['last-write', 'throw'])('counts ten with update() and onConflict %p', async (onConflict) => {
      expect(await (await count({ onConflict }))('/update')).toEqual({ n: 10, answered: 10, codes: [] });
    });
  });

  describe('an abandoned swap, while Redis is suspended,', () => {
    /** A route that has read the session and waits until it may go on with `change`. */
    const waiting = (change: (ctx: Koa.Context) => unknown) => {
      const [arrived, go] = [gate(), gate()] as [Gate, Gate];
      const route = async (ctx: Koa.Context) => {
        await ctx.session;
        arrived.open();
        await go.opened;
        await change(ctx);
      };
      return { arrived: arrived.opened, go: go.open, route };
    };
    const put = (key: string) => async (ctx: Koa.Context) => {
      (await sessionOf(ctx))[key] = 'set';
    };
    /**
     * Resolves after the site has asked Redis for a swap, for the end of a session, or for the record under its new id.
     */
    const asked = ({ store }: { store: RedisStore }) => {
      const spies = (['swap', 'remove', 'create'] as const).map((method) => jest.spyOn(store, method));
      return () => until(() => spies.some(({ mock }) => mock.calls.length > 0));
    };

    /** `change` comes first, then a late write in another process is abandoned; then Redis carries out both. */
    const overtake = async (change: (ctx: Koa.Context) => unknown, isSentAgain: boolean) => {
      const [early, late] = [waiting(change), waiting(put('late'))];
      const patient = await open({}, { '/go': early.route });
      const hasty = await open({ timeout: 1_000, reconnectTimeout: 1_000 }, { '/go': late.route });
      const { ann, cookie, see } = await login(patient);
      const replies = [ann.get('/go'), hasty.visitor().get('/go', { cookie })] as const;
      await Promise.all([early.arrived, late.arrived]);
      const [earlyAsked, lateAsked] = [asked(patient), asked(hasty)];

      await redis.kill('SIGSTOP');
      early.go();
      await earlyAsked();
      late.go();
      await lateAsked();
      const given = await replies[1];
      if (isSentAgain) {
        // What has no answer yet the client sends again on its next connection.
        const closed = once(hasty.client as unknown as NodeJS.EventEmitter, 'close');
        hasty.client.stream.destroy();
        await closed;
      }
      await redis.kill('SIGCONT');
      const reply = await replies[0];
      await until(() => driver.isReady(hasty.client));
      // Answers come in order: the late swap has had its own.
      await hasty.client.get('after all else');
      const old = (await hasty.visitor().get('/see', { cookie })).json();
      return { given, errors: hasty.errors, reply, old, see };
    };

    describe.each([
      ['and arrives once Redis goes on', false],
      ['and is sent again on a new connection', true],
    ])('%s', (_how, isSentAgain) => {
      it('does not bring back a session that another process has ended', async () => {
        const { given, errors, reply, old, see } = await overtake((ctx) => {
          ctx.session = null;
        }, isSentAgain);
        expect([given.status, setCookieOf(given), errors]).toMatchObject([
          500,
          undefined,
          [{ code: 'ERR_SESSION_STORE_TIMEOUT' }],
        ]);
        expect([reply.status, old, await see()]).toEqual([200, {}, {}]);
        expect(await redis.command("EVAL \"return #redis.call('KEYS','*')\" 0")).toBe('0');
      });

      it('writes nothing under an id that another process has regenerated', async () => {
        const { reply, old, see } = await overtake((ctx) => ctx.regenerateSession({ keepData: true }), isSentAgain);
        expect([reply.status, old]).toEqual([200, {}]);
        expect(await see()).toMatchObject({ user: 'ann', warm: '1' });
      });

      it('undoes no change of another process', async () => {
        const { reply, see } = await overtake(put('early'), isSentAgain);
        expect(reply.status).toBe(200);
        expect(await see()).toMatchObject({ user: 'ann', warm: '1', early: 'set' });
      });
    });
  });
});
