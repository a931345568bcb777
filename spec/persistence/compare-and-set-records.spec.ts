import type { CompareAndSetStore, SessionStore, SwapResult } from '../../lib/main';
import { MemoryStore, Store } from '../../lib/main';
import { regeneratedMarker } from '../../lib/record/marker';
import { overlapContract, siteOf, slow } from '../helpers/races/overlap-contract';
import { type Site, setCookieOf } from '../helpers/sites/session-site';
import { compareAndSetClient } from '../helpers/stores/client-styles';
import { gate } from '../helpers/time/gate';

type Client = SessionStore & CompareAndSetStore<number>;

/** Takes a turn of the event loop for each answer, like a database. */
const inTime = <T>(run: () => T) => new Promise<T>((resolve) => setImmediate(() => resolve(run())));

/** A client that reports the number of swap calls, and the ttl of each successful one. */
function swapping(): { client: Client; tries: number; written: number[] } {
  const memory = new MemoryStore();
  const swapped = {
    client: compareAndSetClient(inTime, memory),
    tries: 0,
    written: [] as number[],
  };
  swapped.client.swap = (key, record, ttl, expected) => {
    swapped.tries += 1;
    return inTime(() => {
      const result = memory.swap(key, record, ttl, expected);
      if (result.ok) swapped.written.push(ttl);
      return result;
    });
  };
  return swapped;
}

describe('Requests of one session that overlap, with a store that can compare and set,', () => {
  describe('in one process', () => overlapContract(() => swapping()));

  const sites: Site[] = [];
  afterEach(() => Promise.all(sites.splice(0).map((site) => site.close())));
  /** A process: a site with a separate middleware. */
  const open = async (...args: Parameters<typeof siteOf>) => {
    const site = await siteOf(...args);
    sites.push(site);
    return site;
  };
  const login = async (site: Site) => {
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    return { ann, cookie: await ann.jar.getCookieString(site.url), see: async () => (await ann.get('/see')).json() };
  };

  describe('in several processes', () => {
    it('lose nothing, in a few attempts each', async () => {
      const store = swapping();
      const { client } = store;
      const processes = await Promise.all([1, 2, 3, 4].map(() => open(client)));
      const { cookie, see } = await login(processes[0] as Site);
      const names = Array.from({ length: 200 }, (_, n) => `k${n}`);
      const replies = await Promise.all(
        names.map((name, n) => (processes[n % 4] as Site).visitor().get(`/put?${name}=1`, { cookie })),
      );
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
      expect(await see()).toEqual({ user: 'ann', ...Object.fromEntries(names.map((name) => [name, '1'])) });
      expect(store.tries).toBeLessThan(1000);
    });

    it('count together', async () => {
      const { client } = swapping();
      const processes = await Promise.all([1, 2, 3].map(() => open(client)));
      const { cookie, see } = await login(processes[0] as Site);
      await Promise.all(
        Array.from({ length: 30 }, (_, n) => (processes[n % 3] as Site).visitor().get('/count', { cookie })),
      );
      expect(await see()).toEqual({ user: 'ann', count: 30 });
    });

    /** One process changes the session while a request of another one works on it. */
    const overtaken = async (path: string, byPath: string, options: Parameters<typeof siteOf>[1] = {}) => {
      const store = swapping();
      const { client } = store;
      const [here, there] = [await open(client, options), await open(client, options)];
      const { ann, cookie, see } = await login(here);
      const { open: go, opened } = gate();
      const late = slow(ann, path, opened);
      await late.arrived;
      await there.visitor().get(byPath, { cookie });
      store.tries = 0;
      go();
      return { here, reply: await late.reply, see, swaps: store.tries, cookie };
    };

    it('merge keys that only one of them changed, with one more attempt', async () => {
      const { see, swaps } = await overtaken('/slow?here=1', '/put?there=1');
      expect([await see(), swaps]).toEqual([{ user: 'ann', here: '1', there: '1' }, 2]);
    });

    it('keep the later value of a key that both changed', async () => {
      const { see } = await overtaken('/slow?color=late', '/put?color=early');
      expect(await see()).toEqual({ user: 'ann', color: 'late' });
    });

    it("can fail on such a key with onConflict 'throw', and write nothing", async () => {
      const { here, reply, see } = await overtaken('/slow?color=late', '/put?color=early', { onConflict: 'throw' });
      expect([reply.status, await see()]).toEqual([500, { user: 'ann', color: 'early' }]);
      expect(here.errors).toMatchObject([{ code: 'ERR_SESSION_CONFLICT' }]);
      expect(here.events()).toContain('session:conflict');
    });

    it('can settle such a key with onConflict', async () => {
      const onConflict = (...told: unknown[]) => told.slice(0, 4).map(String).join();
      const { see } = await overtaken('/slow?user=late', '/put?user=early', { onConflict });
      expect(await see()).toEqual({ user: 'user,ann,late,early' });
    });

    it('count a key as changed twice even if both set the same value: both may have counted', async () => {
      const { reply, see } = await overtaken('/slow?seats=1', '/put?seats=1', { onConflict: 'throw' });
      expect([reply.status, await see()]).toEqual([500, { user: 'ann', seats: '1' }]);
    });

    it.each(['/logout', '/renew'])('do not overwrite what %s in another process has left', async (byPath) => {
      const { here, reply, swaps, cookie } = await overtaken('/slow?late=1', byPath);
      expect([reply.status, setCookieOf(reply), swaps]).toEqual([200, undefined, 1]);
      expect(here.events()).toContain('session:gone');
      expect((await here.visitor().get('/see', { cookie })).json()).toEqual({});
    });

    it('are refused an update after a logout in another process', async () => {
      expect((await overtaken('/slow-update', '/logout')).reply.text).toBe('"ERR_SESSION_GONE"');
    });

    it('see what another process has stored during an update', async () => {
      const { reply, see } = await overtaken('/slow-update', '/put?there=1');
      expect([reply.status, await see()]).toEqual([200, { user: 'ann', there: '1', late: true }]);
    });
  });

  describe('with a store in trouble', () => {
    const shortly = { timeout: 300, reconnectTimeout: 300 };

    it('give up if others keep coming first until the time is up', async () => {
      const { client } = swapping();
      let tries = 0;
      const site = await open(client, shortly);
      const { ann, see } = await login(site);
      const { swap } = client;
      client.swap = async (key): Promise<SwapResult<number>> => {
        tries += 1;
        const { record, revision } = (await client.load(key)) as { record: string; revision: number };
        return { ok: false, record, revision };
      };
      expect((await ann.get('/put?never=1')).status).toBe(500);
      expect(site.errors).toMatchObject([{ name: 'StoreTimeoutError', operation: 'set' }]);
      expect(tries).toBeGreaterThan(2);
      client.swap = swap;
      expect((await ann.get('/put?later=1')).status).toBe(200);
      expect(await see()).toEqual({ user: 'ann', later: '1' });
    });

    it('continue after a swap that failed', async () => {
      const { client } = swapping();
      const site = await open(client);
      const { ann, see } = await login(site);
      const { swap } = client;
      client.swap = () => Promise.reject(new Error('disk is full'));
      expect((await ann.get('/put?lost=1')).status).toBe(500);
      client.swap = swap;
      expect((await ann.get('/put?kept=1')).status).toBe(200);
      expect(await see()).toEqual({ user: 'ann', kept: '1' });
      expect(site.errors).toMatchObject([{ name: 'StoreError', operation: 'set', message: 'disk is full' }]);
    });

    it('continue after a swap that was applied but not answered', async () => {
      const { client } = swapping();
      const site = await open(client, shortly);
      const { ann, see } = await login(site);
      const { swap } = client;
      client.swap = async (...args) => {
        await swap(...args);
        return new Promise(() => undefined);
      };
      expect((await ann.get('/put?landed=1')).status).toBe(500);
      client.swap = swap;
      expect((await ann.get('/put?later=1')).status).toBe(200);
      expect(await see()).toEqual({ user: 'ann', landed: '1', later: '1' });
    });

    it('never see a late write after the session has changed', async () => {
      const { client } = swapping();
      const site = await open(client, shortly);
      const { ann, see } = await login(site);
      const { swap } = client;
      let arrive: () => Promise<SwapResult<number>> = () => Promise.reject(new Error('was never asked'));
      client.swap = (...args) => {
        arrive = async () => (await swap(...args)) as SwapResult<number>;
        return new Promise(() => undefined);
      };
      await ann.get('/put?user=late');
      client.swap = swap;
      await ann.get('/put?user=bob');
      expect(await arrive()).toMatchObject({ ok: false });
      expect(await see()).toEqual({ user: 'bob' });
      await ann.get('/logout');
      expect(await arrive()).toEqual({ ok: false, gone: true });
    });
  });

  describe('with a driver that sends a swap again after its connection broke', () => {
    /** A second count, whose first swap may be lost on its way. Before the next one, another process gets a request. */
    const secondCount = async (isLost: boolean, meanwhile: string) => {
      const { client } = swapping();
      const far = { ...client, breaks: 0 };
      const [here, there] = [await open(far), await open(client)];
      const { ann, cookie, see } = await login(here);
      await ann.get('/count');
      far.swap = async (...args) => {
        far.swap = client.swap;
        if (!isLost) await client.swap(...args);
        await there.visitor().get(meanwhile, { cookie });
        far.breaks += 1;
        return client.swap(...args) as Promise<SwapResult<number>>;
      };
      const { text } = await ann.get('/count');
      return { text, see, errors: here.errors };
    };

    it.each([
      ['arrived', false, '2'],
      ['was lost', true, '3'],
    ])('count once if the first one %s and another process has counted since', async (_what, isLost, result) => {
      const { text, see } = await secondCount(isLost, '/count');
      expect([text, await see()]).toEqual([result, { user: 'ann', count: 3 }]);
    });

    it('say that the outcome is unknown if the session has ended since', async () => {
      const { errors, see } = await secondCount(false, '/logout');
      expect([errors, await see()]).toEqual([[expect.objectContaining({ code: 'ERR_SESSION_OUTCOME_UNKNOWN' })], {}]);
    });
  });

  it('create another id if the new one is taken', async () => {
    const ids = ['taken', 'taken', 'free'];
    const site = await open(new MemoryStore(), { genSid: () => String(ids.shift()) });
    const { see } = await login(site);
    const bob = site.visitor();
    await bob.get('/put?user=bob');
    expect(await bob.jar.getCookieString(site.url)).toContain('koa.sid=free');
    expect([await see(), (await bob.get('/see')).json()]).toEqual([{ user: 'ann' }, { user: 'bob' }]);
  });

  it('read only sessions from a record', async () => {
    const memory = new MemoryStore();
    const site = await open(memory, { cookie: { signed: false }, prefix: '' });
    for (const record of ['5', '"text"', '[]', 'true', '{"cut":']) memory.create(record, record, 60_000);
    for (const record of ['5', '"text"', '[]', 'true', '{"cut":']) {
      const reply = await site.visitor().get('/see', { cookie: `koa.sid=${record}` });
      expect([reply.text, memory.load(record)?.record]).toEqual(['{}', record]);
    }
    expect(new Set(site.events())).toEqual(new Set(['session:invalid', 'session:missed']));
  });
});

describe('A record whose session another request has regenerated', () => {
  it.each([true, false])('names the new id, and says whether the data is there (%s)', (keepsData) => {
    const client = new MemoryStore();
    const store = new Store(client);
    client.create(store.keyOf('old'), regeneratedMarker({ successor: 'new', keepsData }), 60_000);
    return expect(store.records.load(store.keyOf('old'), store.newBudget(), false)).resolves.toMatchObject({
      found: 'regenerated',
      marker: { successor: 'new', id: 'new', keepsData },
    });
  });
});
