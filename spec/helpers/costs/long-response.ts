import Koa from 'koa';

import { cookieStore } from '../../../lib/cookie';

import koaSession = require('../../../lib/koa-session');
import session = require('../../../lib/main');

import { browser, serve } from '../http/serve';
import { MapClient } from '../stores/map-client';
import { heldAfter } from './held-memory';

const DATA = 'x'.repeat(1500);
/** Bytes per round: less than a version of the record, and more than one-time costs, spread over the rounds. */
const LIMIT = 1000;

type Work = Record<string, (ctx: Koa.Context, round: number) => unknown>;

const save: Work[string] = (ctx, round) => {
  Object.assign(ctx.session as object, { round });
  return ctx.saveSession();
};

const work: Work = {
  save,
  // Of another version each time.
  reload: async (ctx, round) => {
    await save(ctx, round);
    await ctx.sessionHandler.reload();
  },
  touch: (ctx) => ctx.sessionHandler.touch(),
  update: (ctx, round) => ctx.sessionHandler.update((session) => Object.assign(session, { round })),
};

const koaSessionWork: Work = {
  save: (ctx, round) => {
    Object.assign(ctx.session as object, { round });
    return (ctx.session as unknown as koaSession.Session).manuallyCommit();
  },
};

const kinds: [string, Work, (app: Koa) => Koa.Middleware][] = [
  ['a compare-and-set store', work, () => session({ store: new session.MemoryStore() })],
  ['a last-write store', work, () => session({ store: new MapClient() })],
  ['the cookie', work, () => session({ store: cookieStore({ keys: ['ab'.repeat(64)] }) })],
  ["koa-session's cookie", koaSessionWork, (app) => koaSession(app)],
];

/** A request that continues for long holds no more memory than at its start. */
export function longResponses(rounds: number): void {
  it.each(kinds)('uses no more memory for it, with the record in %s', async (_kind, does, use) => {
    const held: Record<string, number> = {};
    const app = new Koa(); // not a site of the other specs: those note each event, with the session in it
    app.keys = ['key'];
    app.use(use(app));
    app.use(async (ctx) => {
      if (ctx.path === '/begin') Object.assign(ctx.session as object, { data: DATA });
      else
        for (const [name, run] of Object.entries(does))
          held[name] = await heldAfter(rounds, LIMIT, (round) => run(ctx, round));
    });
    const { url, close } = await serve(app);
    const ann = browser(url);
    await ann.get('/begin');
    await ann.get('/work');
    await close();
    expect(Object.keys(held)).toEqual(Object.keys(does));
    expect(Object.entries(held).filter(([, bytes]) => bytes > 0)).toEqual([]);
  });
}
