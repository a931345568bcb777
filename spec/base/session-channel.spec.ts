import Koa from 'koa';
import koaSession from '../../lib/koa-session';
import session, { MemoryStore, type SessionMessage, type SessionOptions } from '../../lib/main';
import { RecordingStore } from '../helpers/sites/koa-session-sites';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { cookieHeader, openSite, type Routes, SITE_KEYS, type Site, sessionOf } from '../helpers/sites/session-site';
import { heardSessions, stopListening } from '../helpers/tracing/heard';

const HOUR = 3_600_000;

afterEach(stopListening);

const brief = ({ event, reason, continued }: SessionMessage) =>
  [event.slice('session:'.length), reason, continued && 'continued'].filter(Boolean).join(' ');

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/new': (ctx) => ctx.regenerateSession(),
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/destroy': (ctx) => ctx.sessionHandler.destroy(),
};

async function site(options: SessionOptions = {}) {
  const sessions = session({
    store: new MemoryStore(),
    prefix: 'shop:',
    user: (held) => held['user'] as string | undefined,
    ...options,
  });
  return { ...(await listening(openSite({ use: sessions, routes }))), sessions };
}

async function listening(opening: Promise<Site>) {
  const opened = await closedAfterTest(opening);
  const messages = heardSessions();
  /** What is heard of a request. */
  const told = (get: ReturnType<typeof opened.visitor>['get']) => async (path: string, cookie?: string) => {
    messages.splice(0);
    const reply = await get(path, cookie === undefined ? undefined : { cookie });
    expect(reply.status).toBe(200);
    return messages.splice(0).map(brief);
  };
  return { ...opened, messages, told };
}

describe('The channel of sessions', () => {
  it('tells what the events of the application tell, with the prefix', async () => {
    const { visitor, messages, events } = await site();
    const { get } = visitor();
    for (const path of ['/put?n=1', '/put?n=2', '/rotate', '/login?user=ann', '/logout']) await get(path);
    await get('/see', { cookie: 'koa.sid=unknown' });
    expect(messages.map(({ event }) => event)).toEqual(events());
    for (const message of messages) {
      expect(Object.keys(message)).toEqual(['event', 'prefix', 'reason', 'continued']);
      expect(message.prefix).toBe('shop:');
    }
  });

  it.each([
    ['/logout', ['destroyed logout']],
    ['/destroy', ['destroyed logout']],
    ['/new', ['regenerated regenerated']],
    ['/login?user=bob', ['regenerated regenerated', 'created']],
    ['/rotate', ['regenerated continued', 'created continued']],
  ])('gives a reason once if %s ends the session', async (path, expected) => {
    const { visitor, told } = await site();
    const ask = told(visitor().get);
    expect(await ask('/put?n=1')).toEqual(['created']);
    expect(await ask(path)).toEqual(expected);
  });

  it('gives none to what was never stored', async () => {
    const { visitor, told } = await site();
    expect(await told(visitor().get)('/login?user=ann')).toEqual(['regenerated', 'created']);
    expect(await told(visitor().get)('/logout')).toEqual([]);
  });

  it('tells who ended it: `valid`, another session of the user, or the limit', async () => {
    const { visitor, told, sessions, messages } = await site({ maxPerUser: 2, valid: (_ctx, held) => !held['banned'] });
    const ask = told(visitor().get);
    await ask('/put?banned=1');
    expect(await ask('/see')).toEqual(['invalid', 'destroyed invalid', 'missed'].slice(0, 2));
    for (let n = 0; n < 2; n += 1) await visitor().get('/login?user=ann');
    expect(await told(visitor().get)('/login?user=ann')).toContain('ended limit');
    messages.splice(0);
    expect(await sessions.of('ann').endAll()).toBe(2);
    expect(messages.map(brief)).toEqual(['ended user', 'ended user']);
  });

  it('says once that a request has found a session to be expired', async () => {
    const store = new MemoryStore();
    const { visitor, told, sessions } = await site({ store, absoluteTimeout: HOUR });
    const { get } = visitor();
    const cookie = cookieHeader(await get('/put?n=1'));
    const key = sessions.store.keyOf(cookie.match(/koa\.sid=([^;]+)/)?.[1] as string);
    const stored = store.load(key);
    const past = stored?.record.replace(/"began":\d+/, `"began":${Date.now() - 2 * HOUR}`) as string;
    store.swap(key, past, HOUR, stored?.revision as number);
    expect((await told(get)('/see', cookie)).filter((line) => line.includes('expired'))).toEqual(['expired expired']);
  });

  it('hears the interface of koa-session too', async () => {
    const store = new RecordingStore();
    const app = new Koa();
    app.keys = [...SITE_KEYS];
    const use = koaSession({ store, key: 'koa.sess', prefix: 'old:' }, app);
    const { visitor, told } = await listening(openSite({ use, routes }));
    const { get } = visitor();
    const cookie = cookieHeader(await get('/put?n=1'));
    for (const [key, record] of store.records) {
      store.records.set(key, JSON.stringify({ ...JSON.parse(record), _expire: Date.now() - 1000 }));
    }
    expect(await told(get)('/see', cookie)).toEqual(['expired expired']);
  });
});
