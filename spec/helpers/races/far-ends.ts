import type Koa from 'koa';
import session, { type SessionOptions } from '../../../lib/main';
import { browser, type Served, serve } from '../http/serve';
import { answer, type Routes, sentId, sessionOf } from '../sites/session-site';
import { until } from '../time/until';
import { type ComparingClient, type FarStores, farStores } from './far-stores';

import Application = require('koa');

/** How many writers there are, and how far away the process is that is to end their session, in milliseconds each way. */
export interface Adversity {
  writers: number;
  ms: number;
}

const prefix = 'koa:sess:';

/** Writes to one record without pause until it is gone. The writers do not stand back for others. */
class Storm {
  #stopped = false;
  #writing: Promise<unknown>;
  writes = 0;

  constructor(client: ComparingClient, key: string, writers: number) {
    this.#writing = Promise.all(Array.from({ length: writers }, (_, n) => this.#write(client, key, `writer${n}`)));
  }

  async #write(client: ComparingClient, key: string, name: string): Promise<void> {
    let current = await client.load(key);
    while (!this.#stopped && current && !current.record.startsWith('null')) {
      const data = { ...JSON.parse(current.record), [name]: this.writes };
      const result = await client.swap(key, JSON.stringify(data), 60_000, current.revision);
      if (result.ok) this.writes += 1;
      // A writer that has lost continues from the version it was told.
      current = result.ok ? { record: JSON.stringify(data), revision: result.revision } : result.gone ? null : result;
    }
  }

  stop(): Promise<unknown> {
    this.#stopped = true;
    return this.#writing;
  }
}

const routes: Routes = {
  '/put': async (ctx) => {
    Object.assign(await sessionOf(ctx), { user: 'ann' });
  },
  '/note': async (ctx) => {
    Object.assign(await sessionOf(ctx), ctx.query);
  },
  '/all': async (ctx) => sessionOf(ctx),
  '/see': async (ctx) => (await sessionOf(ctx))['user'] ?? null,
  '/logout': (ctx) => {
    ctx.session = null;
  },
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'bob';
  },
  '/write': async (ctx) => {
    const session = await sessionOf(ctx);
    session['far'] = Number(session['far'] ?? 0) + 1;
  },
  '/count': (ctx) =>
    ctx.sessionHandler.update((session) => {
      session['count'] = Number(session['count'] ?? 0) + 1;
    }),
  '/rotate': async (ctx) => {
    await ctx.regenerateSession({ keepData: true });
    (await sessionOf(ctx))['rotated'] = true;
  },
};

/** Applications beside the server that write the session without pause; to the package, each is a separate process. */
function crowd(near: readonly Served[], cookie: string) {
  let [stopped, writes] = [false, 0];
  const writing = Promise.all(
    near.map(async (site, n) => {
      while (!stopped) {
        await browser(site.url).get(`/note?near${n}=${writes}`, { cookie });
        writes += 1;
      }
    }),
  );
  return {
    /** Resolves after the writers have written several times: by then, none of them stands back any more. */
    writes: () => {
      const enough = writes + 3 * near.length + 5;
      return until(() => writes > enough);
    },
    stop: () => {
      stopped = true;
      return writing;
    },
  };
}

/** Plain writes and updates far away land, though others write the session without pause. */
export function farWritesContract(
  name: keyof typeof farStores,
  adversities: readonly Adversity[],
  rounds: number,
  told: (what: string, figures: object) => void = () => undefined,
): void {
  describe(name, () => {
    let stores: FarStores;
    beforeAll(async () => {
      stores = await farStores[name]();
    });
    afterAll(() => stores.stop());

    it.each(adversities)(
      `writes and counts ${rounds} of ${rounds} against $writers writers, $ms ms away each way`,
      async ({ writers, ms }) => {
        const near = await Promise.all(Array.from({ length: writers }, async () => siteOn(await stores.open(), {})));
        const far = await siteOn(await stores.open(ms), {});
        const visitor = browser(far.url);
        await visitor.get('/put');
        const others = crowd(near, await visitor.jar.getCookieString(far.url));
        const statuses: number[] = [];
        const took: Record<string, number[]> = { '/write': [], '/count': [] };
        for (let round = 0; round < rounds; round += 1) {
          for (const path of ['/write', '/count']) {
            await others.writes();
            const began = performance.now();
            statuses.push((await visitor.get(path)).status);
            took[path]?.push(performance.now() - began);
          }
        }
        await others.stop();
        for (const [path, times] of Object.entries(took)) {
          times.sort((a, b) => a - b);
          const figures = { median: Number(times[times.length >> 1]), longest: Number(times.at(-1)) };
          told(`${name}, ${writers} writers, ${ms} ms away each way, ms of ${path}`, figures);
        }
        expect(new Set(statuses)).toEqual(new Set([200]));
        expect([far.errors, ...near.map(({ errors }) => errors)].flat()).toEqual([]);
        expect((await visitor.get('/all')).json()).toMatchObject({ far: rounds, count: rounds });
        await Promise.all([far, ...near].map((site) => site.close()));
      },
    );
  });
}

/** Ends, logins and rotations of a session that others write without pause: each succeeds, however far away its process is. */
export function farEndsContract(name: keyof typeof farStores, adversities: readonly Adversity[], rounds: number): void {
  describe(name, () => {
    let stores: FarStores;
    let near: ComparingClient;
    beforeAll(async () => {
      stores = await farStores[name]();
      near = await stores.open();
    });
    afterAll(() => stores.stop());

    describe.each(adversities)('against $writers writers without pause, $ms ms away each way', ({ writers, ms }) => {
      let site: Served & { errors: string[] };
      let calls: string[];
      beforeAll(async () => {
        const far = await stores.open(ms);
        calls = [];
        site = await siteOn(noting(far, calls), {});
      });
      afterAll(() => site.close());

      const ended = async (path: string) => {
        const visitor = browser(site.url);
        const sid = sentId(await visitor.get('/put')) as string;
        const cookie = await visitor.jar.getCookieString(site.url);
        const storm = new Storm(near, prefix + sid, writers);
        await until(() => storm.writes > 10);
        calls.length = 0;
        const reply = await visitor.get(path);
        await storm.stop();
        const made = [...calls];
        const old = (await browser(site.url).get('/see', { cookie })).json();
        const record = (await near.load(prefix + sid))?.record ?? null;
        const now = (await visitor.get('/see')).json();
        return { status: reply.status, made, old, isGone: record === null || record.startsWith('null'), now };
      };
      const each = async (path: string) => {
        const outcomes: Awaited<ReturnType<typeof ended>>[] = [];
        for (let round = 0; round < rounds; round += 1) outcomes.push(await ended(path));
        expect(site.errors).toEqual([]);
        return outcomes;
      };

      it(`logs out ${rounds} of ${rounds}, each with one call`, async () => {
        for (const { made, ...outcome } of await each('/logout')) {
          expect(outcome).toEqual({ status: 200, old: null, isGone: true, now: null });
          expect(made).toEqual(['load', 'remove']);
        }
      });

      it(`logs in ${rounds} of ${rounds}`, async () => {
        for (const { made, ...outcome } of await each('/login')) {
          expect(outcome).toEqual({ status: 200, old: null, isGone: true, now: 'bob' });
          expect(made).toEqual(['load', 'create', 'take']);
        }
      });

      it(`moves ${rounds} of ${rounds} to a new id`, async () => {
        for (const { made: _, ...outcome } of await each('/rotate')) {
          expect(outcome).toEqual({ status: 200, old: null, isGone: true, now: 'ann' });
        }
      });
    });
  });
}

async function siteOn(store: ComparingClient, options: SessionOptions): Promise<Served & { errors: string[] }> {
  const app: Koa = new Application();
  app.keys = ['secret'];
  const errors: string[] = [];
  app.on('error', (error) => errors.push(String(error)));
  app.use(session({ store, ...options })).use(answer(routes));
  return { ...(await serve(app)), errors };
}

/** Notes the names of the methods that are called. */
function noting<C extends object>(client: C, calls: string[]): C {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (['load', 'create', 'swap', 'remove', 'take', 'mark', 'destroy'].includes(String(name)))
          calls.push(String(name));
        return Reflect.apply(value, target, args);
      };
    },
  });
}
