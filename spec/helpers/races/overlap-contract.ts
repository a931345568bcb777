import type Koa from 'koa';
import session, { type SessionOptions, type SessionStore } from '../../../lib/main';
import type { Browser, Reply } from '../http/serve';
import { openSite, type Routes, type Site, sessionOf, setCookieOf } from '../sites/session-site';
import { gate, meeting } from '../time/gate';

const DAY = 24 * 60 * 60 * 1000;

/** A store whose writes can be counted and looked at. */
export interface Overlapping {
  client: SessionStore;
  /** The number of writes to the store, and their ttls. */
  written: number[];
}

/** A site of one process, and a visitor who has a session there. */
export async function siteOf(client: SessionStore, options: SessionOptions = {}, routes: Routes = {}) {
  const use = session({ store: client, ...options });
  const site = await openSite({ use, routes: { ...ROUTES, ...routes } });
  const close = async () => {
    await Promise.all([site.close(), use.close()]);
  };
  return { ...site, use, close };
}

/** What requests of one session owe each other when they overlap in one process, whatever the store can do. */
export function overlapContract(make: () => Overlapping): void {
  let store: Overlapping;
  let site: Site;
  let ann: Browser;
  const open = async (options: SessionOptions = {}, routes: Routes = {}) => {
    store = make();
    site = await siteOf(store.client, options, routes);
    ann = site.visitor();
    await ann.get('/put?user=ann');
    store.written.length = 0;
  };
  afterEach(() => site.close());
  const see = async () => (await ann.get('/see')).json();
  const together = (...paths: string[]) => {
    meet = meeting(paths.length);
    return Promise.all(paths.map((path) => ann.get(path)));
  };
  const statuses = (replies: Reply[]) => replies.map(({ status }) => status);

  it('keep the changes of all 200, with few writes', async () => {
    await open();
    const names = Array.from({ length: 200 }, (_, n) => `k${n}`);
    const replies = await together(...names.map((name) => `/meet?${name}=1`));
    expect(new Set(statuses(replies))).toEqual(new Set([200]));
    expect(await see()).toEqual({ user: 'ann', ...Object.fromEntries(names.map((name) => [name, '1'])) });
    expect(store.written.length).toBeLessThanOrEqual(20);
  });

  it('keep what one removed and another one added', async () => {
    await open();
    await together('/meet?added=1', '/meet-and-remove?name=user');
    expect(await see()).toEqual({ added: '1' });
  });

  it('lose nothing with update()', async () => {
    await open();
    const replies = await Promise.all(Array.from({ length: 50 }, () => ann.get('/count')));
    expect(replies.map((reply) => Number(reply.text)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
    expect(await see()).toEqual({ user: 'ann', count: 50 });
  });

  it('keep the later of two values of a key', async () => {
    await open();
    const replies = await together('/meet?color=red', '/meet?color=blue');
    expect(statuses(replies)).toEqual([200, 200]);
    expect(['red', 'blue']).toContain(((await see()) as { color: string }).color);
  });

  it("can fail on two values of a key with onConflict 'throw', and leave the others alone", async () => {
    await open({ onConflict: 'throw' });
    const replies = await together('/meet?color=red', '/meet?color=blue', '/meet?size=5', '/meet?shape=round');
    expect(statuses(replies).sort()).toEqual([200, 200, 200, 500]);
    expect(statuses(replies.slice(2))).toEqual([200, 200]);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_CONFLICT' }]);
    expect(site.events().filter((name) => name === 'session:conflict')).toHaveLength(1);
    expect(await see()).toMatchObject({ size: '5', shape: 'round' });
  });

  it('can settle two values of a key with onConflict', async () => {
    const onConflict = (_key: string, _base: unknown, mine: unknown, theirs: unknown) => `${[mine, theirs].sort()}`;
    await open({ onConflict });
    await together('/meet?color=red', '/meet?color=blue');
    expect(await see()).toEqual({ user: 'ann', color: 'blue,red' });
  });

  it('are not affected by one that fails to settle a conflict', async () => {
    const onConflict = () => {
      throw new Error('undecided');
    };
    await open({ onConflict });
    const replies = await together('/meet?color=red', '/meet?color=blue', '/meet?size=5');
    expect(statuses(replies).sort()).toEqual([200, 200, 500]);
    expect(await see()).toMatchObject({ size: '5' });
  });

  it.each([
    ['throws', '/update-that-throws', 500],
    ['gives the session an invalid lifetime', '/update-to-no-time', 500],
  ])('are not affected by one whose update %s', async (_how, path, status) => {
    await open();
    const replies = await together('/meet?a=1', path, '/meet?b=1');
    expect(statuses(replies)).toEqual([200, status, 200]);
    expect(await see()).toEqual({ user: 'ann', a: '1', b: '1' });
  });

  it('do not wait for ever for an update that does not end', async () => {
    await open({ timeout: 300, reconnectTimeout: 300 });
    const stuck = ann.get('/update-that-hangs');
    expect((await stuck).status).toBe(500);
    expect((await ann.get('/put?later=1')).status).toBe(200);
    expect(await see()).toEqual({ user: 'ann', later: '1' });
  });

  it('store a batch for the lifetime of its cookie, whichever request set that', async () => {
    await open();
    await together('/meet?a=1', '/meet-for-a-week', '/meet?b=1');
    expect(await see()).toEqual({ user: 'ann', a: '1', b: '1' });
    expect(Math.round(Number(store.written.at(-1)) / DAY)).toBe(7);
  });

  it.each([
    ['logged out', '/logout'],
    ['regenerated', '/renew'],
  ])('write nothing after one of them has %s', async (_how, path) => {
    await open();
    const { open: go, opened } = gate();
    const [held, late] = [await ann.jar.getCookieString(site.url), slow(ann, '/slow?late=1', opened)];
    await late.arrived;
    await ann.get(path);
    store.written.length = 0;
    go();
    const reply = await late.reply;
    expect([reply.status, setCookieOf(reply), store.written]).toEqual([200, undefined, []]);
    expect(site.events()).toContain('session:gone');
    expect((await site.visitor().get('/see', { cookie: held })).json()).toEqual({});
  });

  it('get an empty session that is not stored for an id that was just regenerated', async () => {
    await open();
    const cookie = await ann.jar.getCookieString(site.url);
    await ann.get('/renew');
    site.heard.length = 0;
    const reply = await site.visitor().get('/put?user=late', { cookie });
    expect([reply.status, setCookieOf(reply), site.events()]).toEqual([200, undefined, ['session:gone']]);
    expect(await see()).toEqual({ user: 'ann' });
  });

  it('extend nothing after one of them has logged out', async () => {
    await open({ rolling: true });
    const { open: go, opened } = gate();
    const [held, late] = [await ann.jar.getCookieString(site.url), slow(ann, '/slow', opened)];
    await late.arrived;
    await ann.get('/logout');
    go();
    expect(setCookieOf(await late.reply)).toBeUndefined();
    expect((await site.visitor().get('/see', { cookie: held })).json()).toEqual({});
  });

  it('cannot update after one of them has logged out', async () => {
    await open();
    const { open: go, opened } = gate();
    const late = slow(ann, '/slow-update', opened);
    await late.arrived;
    await ann.get('/logout');
    go();
    expect((await late.reply).text).toBe('"ERR_SESSION_GONE"');
  });
}

let meet: () => Promise<void> = async () => undefined;
let waiting: { arrive(): void; leave: Promise<void> } = { arrive: () => undefined, leave: Promise.resolve() };

/** A request whose handler waits until it is let go. */
export function slow(visitor: Browser, path: string, leave: Promise<void>) {
  const { open: arrive, opened: arrived } = gate();
  waiting = { arrive, leave };
  return { arrived, reply: visitor.get(path) };
}

const pauseHere = () => {
  const { arrive, leave } = waiting;
  arrive();
  return leave;
};

const update = <T>(ctx: Koa.Context, fn: (it: session.Session) => T | Promise<T>) =>
  ctx['sessionHandler'].update(fn) as Promise<T>;

const ROUTES: Routes = {
  '/meet': async (ctx) => {
    const it = await sessionOf(ctx);
    await meet();
    Object.assign(it, ctx.query);
  },
  '/meet-and-remove': async (ctx) => {
    const it = await sessionOf(ctx);
    await meet();
    delete it[String(ctx.query['name'])];
  },
  '/meet-for-a-week': async (ctx) => {
    const it = await sessionOf(ctx);
    await meet();
    it.cookie.maxAge = 7 * DAY;
  },
  '/count': (ctx) =>
    update(ctx, (it) => {
      it['count'] = Number(it['count'] ?? 0) + 1;
      return it['count'];
    }),
  '/update-that-throws': async (ctx) => {
    await meet();
    await update(ctx, () => {
      throw new Error('no such article');
    });
  },
  '/update-to-no-time': async (ctx) => {
    await meet();
    await update(ctx, (it) => {
      it.cookie.expires = 'soon';
    });
  },
  '/update-that-hangs': (ctx) => update(ctx, () => new Promise(() => undefined)),
  '/renew': (ctx) => ctx['regenerateSession']({ keepData: true }),
  '/slow': async (ctx) => {
    const it = await sessionOf(ctx);
    await pauseHere();
    Object.assign(it, ctx.query);
  },
  '/slow-update': async (ctx) => {
    await sessionOf(ctx);
    await pauseHere();
    return update(ctx, (it) => {
      it['late'] = true;
    }).catch((error: session.SessionError) => error.code);
  },
};
