import type Koa from 'koa';
import { MemoryStore, type Session, type SessionOptions } from '../../lib/main';
import { siteWith } from '../helpers/sites/open-sites';
import { type Routes, sentId, sessionOf } from '../helpers/sites/session-site';

const MINUTE = 60_000;

/** What looks like a session's record until somebody reads it. */
const BROKEN = '{"user":"ann","cookie":}';

const routes: Routes = {
  '/id': (ctx) => ctx.sessionId,
  '/new': (ctx) => ctx.sessionHandler.isNew,
  '/status': (ctx) => ctx.sessionHandler.status,
  '/assign': (ctx) => {
    ctx.session = { user: 'bob' };
  },
  '/null': (ctx) => {
    ctx.session = null;
  },
  '/login': async (ctx) => {
    (await sessionOf(ctx))['user'] = 'bob';
  },
  '/update': (ctx) =>
    ctx.sessionHandler.update((session: Session) => {
      session['user'] = 'bob';
    }),
  '/touch': (ctx) => ctx.sessionHandler.touch(),
  '/destroy': (ctx) => ctx.sessionHandler.destroy(),
  '/force': (ctx) => {
    ctx.sessionSave = true;
  },
  '/regenerate': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'bob';
  },
};

/** A visitor whose record has become something else. */
async function visitorOf(record: string, options: SessionOptions = {}) {
  const client = new MemoryStore();
  const site = await siteWith({ store: client, ...options }, routes);
  const ann = site.visitor();
  const sid = sentId(await ann.get('/put?user=ann')) as string;
  const key = `koa:sess:${sid}`;
  client.destroy(key);
  client.create(key, record, MINUTE);
  site.heard.length = 0;
  return { ann, client, key, sid, site, stored: () => client.load(key)?.record };
}

describe.each([false, true])('a record that turns out to hold no session (defer: %s)', (defer) => {
  // In defer mode, what is known without the store needs no record.
  const paths = Object.keys(routes).filter((path) => !defer || !['/id', '/new', '/status'].includes(path));

  it.each(paths)('is left alone by %s, and the visitor gets a new session', async (path) => {
    const { ann, sid, site, stored } = await visitorOf(BROKEN, { defer });
    const reply = await ann.get(path);
    expect([reply.status, site.errors]).toEqual([200, []]);
    expect(stored()).toBe(BROKEN);
    expect(sentId(reply)).not.toBe(sid);
    expect(site.heard.filter(({ name }) => name !== 'session:created' && name !== 'session:regenerated')).toEqual([
      { name: 'session:invalid', key: sid, value: BROKEN },
      { name: 'session:missed', key: sid, value: undefined },
    ]);
  });

  it('is ignored in a request that does not use the session', async () => {
    const { ann, site, stored } = await visitorOf(BROKEN, { defer });
    const reply = await ann.get('/idle');
    expect([reply.status, reply.setCookie, site.errors, site.heard, stored()]).toEqual([200, [], [], [], BROKEN]);
  });
});

it.each<[string, string]>([
  ['is cut', '{"user":"ann","cookie":{"path":"/"'],
  ['is a list', '[{"user":"ann"}]'],
  ['is text', '"ann"'],
  ['is empty', ''],
])('a record that %s is reported at once', async (_what, record) => {
  const { ann, site, stored } = await visitorOf(record);
  const reply = await ann.get('/idle');
  expect([reply.status, reply.setCookie, stored()]).toEqual([200, [], record]);
  expect(site.events()).toEqual(['session:invalid', 'session:missed']);
});

it('a record whose cookie has expired is reported at once', async () => {
  const { ann, site } = await visitorOf(
    '{"user":"ann","cookie":{"expires":"2001-01-01T00:00:00.000Z","own":["expires"]}}',
  );
  await ann.get('/idle');
  expect(site.events()).toEqual(['session:expired', 'session:missed']);
});

it.each<[string, SessionOptions]>([
  ['valid', { valid: () => true }],
  ['genSid', { genSid: async () => 'made-by-hand-made-by-hand' }],
  ['rolling', { rolling: true }],
  ['allowEmpty', { allowEmpty: true }],
  ['cookie.expires', { cookie: { expires: new Date(Date.now() + MINUTE) } }],
])('with `%s`, every record is parsed as it is loaded', async (_option, options) => {
  const { ann, site } = await visitorOf(BROKEN, options);
  expect((await ann.get('/idle')).status).toBe(200);
  expect(site.events().slice(0, 2)).toEqual(['session:invalid', 'session:missed']);
});

it('a listener that reads the session finds the new one', async () => {
  const { ann, site } = await visitorOf(BROKEN);
  const seen: unknown[] = [];
  site.app.on('session:invalid', ({ ctx }: { ctx: Koa.Context }) => seen.push(ctx.sessionHandler.isNew, ctx.session));
  expect((await ann.get('/see')).json()).toEqual({});
  expect(seen).toEqual([true, { cookie: expect.anything() }]);
});
