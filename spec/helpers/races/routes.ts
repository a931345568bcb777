import type Koa from 'koa';
import type { SessionError, SessionEvent } from '../../../lib/main';
import { sessionOf } from '../sites/session-site';

type Route = (ctx: Koa.Context, name: string, pause: () => Promise<void>) => unknown;

/** What requests in a race do; each reads the session, takes its time, and then does what it is called. */
const routes: Record<string, Route> = {
  login: async (ctx) => {
    Object.assign(await sessionOf(ctx), { user: 'ann', count: 0 });
  },
  read: () => undefined,
  write: async (ctx, name) => {
    (await sessionOf(ctx))[name] = name;
  },
  // Another name for a write with two keys.
  'write-twice': async (ctx, name, pause) => {
    (await sessionOf(ctx))[`${name}1`] = name;
    await ctx.saveSession();
    await pause();
    (await sessionOf(ctx))[`${name}2`] = name;
  },
  remove: async (ctx, name) => {
    delete (await sessionOf(ctx))[name];
  },
  count: (ctx, _name, pause) =>
    ctx.sessionHandler
      .update((session) => {
        session['count'] = Number(session['count'] ?? 0) + 1;
      })
      .catch((error: SessionError) => {
        if (error.code !== 'ERR_SESSION_GONE') throw error;
      })
      .then(pause),
  touch: (ctx) => ctx.sessionHandler.touch(),
  logout: (ctx) => {
    ctx.session = null;
  },
  destroy: async (ctx, _name, pause) => {
    await ctx.sessionHandler.destroy();
    await pause();
  },
  regenerate: async (ctx, name, pause) => {
    await ctx.regenerateSession();
    await pause();
    (await sessionOf(ctx))['login'] = name;
  },
  keep: async (ctx, name, pause) => {
    await ctx.regenerateSession({ keepData: true });
    await pause();
    (await sessionOf(ctx))['login'] = name;
  },
};

/** The handlers, for paths like `/write/a`; `hold` decides when each continues. */
export function racing(hold: (what: string) => Promise<void>): Koa.Middleware {
  return async (ctx) => {
    const [, kind = '', name = ''] = ctx.path.split('/');
    const pause = () => hold(`${ctx.path} goes on`);
    await ctx.session;
    await pause();
    await routes[kind]?.(ctx, name, pause);
    ctx.status = 204;
  };
}

const events = ['created', 'saved', 'destroyed', 'regenerated', 'missed', 'expired', 'conflict', 'gone'];

/** Notes the application's session events in the list of the request's path, without `session:`. */
export function listen(app: Koa, heard: ReadonlyMap<string, string[]>): void {
  for (const event of events) {
    app.on(`session:${event}`, ({ ctx, key }: SessionEvent) => {
      heard.get(ctx.path)?.push(event, ...(typeof key === 'string' ? [] : ['without an id']));
    });
  }
}
