import { type CompareAndSetStore, MemoryStore, type SessionStore, type StoredRecord } from '../../lib/main';
import { member } from '../helpers/requests/variant';
import { siteWith } from '../helpers/sites/open-sites';
import { type Routes, sentId, sessionOf } from '../helpers/sites/session-site';

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'bob';
  },
  '/rotate': async (ctx) => {
    (await sessionOf(ctx))['rotated'] = true;
    await ctx.regenerateSession({ keepData: true });
  },
};

/** A client that can compare, and has no ability by which sessions end. */
class PlainClient implements SessionStore, CompareAndSetStore<number> {
  readonly memory = new MemoryStore();
  readonly calls: string[] = [];
  /** Runs before each swap: somebody else who writes. */
  meanwhile: () => void = () => undefined;

  get(key: string) {
    return this.memory.get(key);
  }
  set(key: string, ...rest: [Parameters<MemoryStore['set']>[1], number]) {
    this.memory.set(key, ...rest);
  }
  destroy(key: string) {
    this.calls.push('destroy');
    this.memory.destroy(key);
  }
  load(key: string, options?: { ttl?: boolean }) {
    this.calls.push('load');
    return this.memory.load(key, options);
  }
  create(key: string, record: string, ttl: number) {
    this.calls.push('create');
    return this.memory.create(key, record, ttl);
  }
  swap(key: string, record: string, ttl: number, expected: number) {
    this.meanwhile();
    this.calls.push('swap');
    return this.memory.swap(key, record, ttl, expected);
  }
  touch(key: string, ttl: number) {
    return this.memory.touch(key, ttl);
  }
}

/** Ann's session, which somebody else writes before each swap that this process asks for. */
async function contested(client = new PlainClient()) {
  const site = await siteWith({ store: client }, routes);
  const ann = await member(site);
  const key = `koa:sess:${ann.sid}`;
  let writes = 0;
  client.meanwhile = () => {
    const { record, revision } = client.memory.load(key) ?? {};
    if (record === undefined || revision === undefined || record.startsWith('null')) return;
    writes += 1;
    client.memory.swap(key, JSON.stringify({ ...JSON.parse(record), writes }), 60_000, revision);
  };
  client.calls.length = 0;
  const old = await ann.jar.getCookieString(site.url);
  const isGone = async () => (await site.visitor().get('/see', { cookie: old })).json();
  return { client, site, ann, key, isGone };
}

describe('on a client without remove, take and mark, with a record that others write before each swap', () => {
  it('compares four times, then destroys the record: a logout succeeds', async () => {
    const { client, site, ann, isGone } = await contested();
    const reply = await ann.get('/logout');
    expect([reply.status, sentId(reply), site.errors]).toEqual([200, '', []]);
    expect(client.calls.slice(0, 6)).toEqual(['load', 'swap', 'swap', 'swap', 'swap', 'destroy']);
    expect(await isGone()).toEqual({});
  });

  it('lets a login succeed', async () => {
    const { ann, isGone } = await contested();
    expect((await ann.get('/login')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    expect(await isGone()).toEqual({});
  });

  it('loses none of what others have written during a rotation', async () => {
    const { client, ann, isGone } = await contested();
    expect((await ann.get('/rotate')).status).toBe(200);
    const swapped = client.calls.filter((call) => call === 'swap').length;
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', rotated: true, writes: expect.any(Number) });
    expect(swapped).toBeLessThan(20);
    expect(await isGone()).toEqual({});
  });
});

/** A MemoryStore whose `take` does its work, or not, and fails. */
class ForgetfulStore extends MemoryStore {
  fails = 0;
  takes = 0;

  constructor(readonly works: boolean) {
    super();
  }

  override take(key: string, marker: string, ttl: number) {
    this.takes += 1;
    if (this.fails === 0) return super.take(key, marker, ttl);
    this.fails -= 1;
    if (this.works) super.take(key, marker, ttl);
    throw new Error('the connection was lost');
  }
}

describe.each([true, false])('a login whose take fails (carried out: %s)', (works) => {
  const open = async (fails: number) => {
    const store = new ForgetfulStore(works);
    const site = await siteWith({ store }, routes);
    const ann = await member(site);
    store.fails = fails;
    return { store, site, ann };
  };

  it('is tried again', async () => {
    const { store, site, ann } = await open(1);
    const reply = await ann.get('/login');
    expect([reply.status, store.takes, site.errors]).toEqual([200, 2, []]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
  });

  it('fails if that fails too, and the new session is sent with the error: the old one may be gone', async () => {
    const { site, ann } = await open(2);
    const reply = await ann.get('/login');
    expect([reply.status, sentId(reply)]).toEqual([500, expect.stringMatching(/./)]);
    expect(site.errors).toMatchObject([{ message: 'the connection was lost' }]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
  });
});

/** A MemoryStore whose swaps to a marker do their work, or not, and fail. */
class UncertainStore extends MemoryStore {
  fails = 0;

  constructor(readonly works: boolean) {
    super();
  }

  override swap(key: string, record: string, ttl: number, expected: number): ReturnType<MemoryStore['swap']> {
    if (this.fails === 0 || !record.startsWith('null')) return super.swap(key, record, ttl, expected);
    this.fails -= 1;
    if (this.works) super.swap(key, record, ttl, expected);
    throw new Error('the connection was lost');
  }
}

it.each([true, false])('a rotation finds out whether a failed claim was carried out (%s)', async (works) => {
  const store = new UncertainStore(works);
  const site = await siteWith({ store }, routes);
  const ann = await member(site);
  const old = await ann.jar.getCookieString(site.url);
  store.fails = 1;
  expect((await ann.get('/rotate')).status).toBe(200);
  expect((await ann.get('/see')).json()).toEqual({ user: 'ann', rotated: true });
  expect((await site.visitor().get('/see', { cookie: old })).json()).toEqual({});
});

describe('a rotation whose claim is never answered', () => {
  /** Carries out swaps to a marker, or not, and does not answer the first of them. */
  class SilentStore extends MemoryStore {
    isSilent = false;

    constructor(readonly works: boolean) {
      super();
    }

    override swap(key: string, record: string, ttl: number, expected: number): ReturnType<MemoryStore['swap']> {
      if (!this.isSilent || !record.startsWith('null')) return super.swap(key, record, ttl, expected);
      this.isSilent = false;
      if (this.works) super.swap(key, record, ttl, expected);
      return new Promise(() => undefined) as never;
    }
  }

  it.each([true, false])('finds out the result within its time (carried out: %s)', async (works) => {
    const store = new SilentStore(works);
    const site = await siteWith({ store, reconnectTimeout: 600 }, routes);
    const ann = await member(site);
    store.isSilent = true;
    expect([(await ann.get('/rotate')).status, site.errors]).toEqual([200, []]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', rotated: true });
  });

  it('reports an unknown outcome if it cannot, and keeps the new record, which may be the only one left', async () => {
    const store = new SilentStore(true);
    const site = await siteWith({ store, reconnectTimeout: 300 }, routes);
    const ann = await member(site);
    store.isSilent = true;
    jest.spyOn(store, 'mark').mockImplementation(() => {
      throw new Error('the connection was lost');
    });
    const { size } = store;
    const reply = await ann.get('/rotate');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_OUTCOME_UNKNOWN' }]);
    expect(store.size).toBe(size + 1);
  });
});

it('a logout finds a session however often it was moved', async () => {
  const site = await siteWith({ store: new MemoryStore() }, routes);
  const ann = await member(site);
  const old = await ann.jar.getCookieString(site.url);
  for (let moves = 0; moves < 120; moves += 1) await ann.get('/rotate');
  expect((await ann.get('/see')).json()).toEqual({ user: 'ann', rotated: true });
  await site.visitor().get('/logout', { cookie: old });
  expect((await ann.get('/see')).json()).toEqual({});
});

it('a record that is no longer a session is left alone', async () => {
  const store = new MemoryStore();
  const site = await siteWith({ store }, routes);
  const ann = await member(site);
  const foreign: StoredRecord = { record: '[1]', revision: 0 };
  const { revision } = store.load(`koa:sess:${ann.sid}`) as { revision: number };
  store.swap(`koa:sess:${ann.sid}`, foreign.record, 60_000, revision);
  expect((await ann.get('/logout')).status).toBe(200);
  expect(store.load(`koa:sess:${ann.sid}`)?.record).toBe('[1]');
});
