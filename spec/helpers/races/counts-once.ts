import session, { type SessionError } from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import type { RedisClient } from '../../../lib/stores/redis/driver';
import type { Break, BreakingLine } from '../network/breaking-line';
import { closedAfterTest } from '../sites/open-sites';
import { openSite, type Routes } from '../sites/session-site';

const routes: Routes = {
  '/count': (ctx) =>
    ctx.sessionHandler
      .update((stored) => {
        stored['count'] = Number(stored['count'] ?? 0) + 1;
        return stored['count'];
      })
      .catch((error: SessionError) => error.code),
};

/** Two clients of one Redis: `far` is on a line that breaks, `near` is not. */
export interface TwoClients {
  far: RedisClient;
  near: RedisClient;
  line: BreakingLine;
  end(): Promise<unknown>;
}

/** Two processes: one whose connection breaks, and one that counts in between. */
async function twoProcesses({ far, near, line, end }: TwoClients) {
  const [broken, whole] = await Promise.all(
    [far, near].map((client) =>
      closedAfterTest(openSite({ use: session({ store: redisStore({ client }) }), routes, keys: ['key'] })),
    ),
  );
  const visitor = (broken as NonNullable<typeof broken>).visitor();
  await visitor.get('/put?user=ann');
  const cookie = await visitor.jar.getCookieString((broken as NonNullable<typeof broken>).url);
  const get = (path: string) => (whole as NonNullable<typeof whole>).visitor().get(path, { cookie });
  const count = async () => (await get('/count')).json();
  /** What an update comes to whose connection breaks, while others count so often. */
  const interrupted = async (how: Break, others: number) => {
    const breaks = line.break(how);
    const reply = visitor.get('/count');
    await breaks;
    for (let n = 0; n < others; n += 1) await count();
    line.mend();
    return (await reply).json();
  };
  return { visitor, count, get, interrupted, end };
}

/** update() counts once, though the driver sends it again after its connection broke. */
export function countsOnceContract(open: () => Promise<TwoClients>): void {
  it.each([0, 1, 7])('counts once if it was carried out and %i others came in between', async (others) => {
    const { visitor, interrupted, get, end } = await twoProcesses(await open());
    expect(await visitor.get('/count').then((reply) => reply.json())).toBe(1);
    expect(await interrupted('unanswered', others)).toBe(2);
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 2 + others });
    await end();
  });

  it('counts once if it was the first to count', async () => {
    const { interrupted, get, end } = await twoProcesses(await open());
    // The script must be loaded: a refused one was not carried out.
    await get('/put?user=bob');
    expect(await interrupted('unanswered', 1)).toBe(1);
    expect((await get('/see')).json()).toEqual({ user: 'bob', count: 2 });
    await end();
  });

  it('counts once if it was not carried out', async () => {
    const { visitor, interrupted, get, end } = await twoProcesses(await open());
    await visitor.get('/count');
    expect(await interrupted('unsent', 3)).toBe(5);
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 5 });
    await end();
  });

  it('counts once if other requests have written in between', async () => {
    const { visitor, count, get, interrupted, end } = await twoProcesses(await open());
    await visitor.get('/count');
    await get('/put?plain=1');
    expect(await interrupted('unanswered', 1)).toBe(2);
    await get('/put?plain=2');
    expect(await count()).toBe(4);
    await end();
  });

  it('rejects if the outcome cannot be known: too many have counted in between', async () => {
    const { visitor, interrupted, get, end } = await twoProcesses(await open());
    await visitor.get('/count');
    expect(await interrupted('unanswered', 9)).toBe('ERR_SESSION_OUTCOME_UNKNOWN');
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 11 });
    await end();
  });
}
