import type Koa from 'koa';
import type { Session, SessionError } from '../../../lib/main';
import { sessionOf } from '../sites/session-site';

import session = require('../../../lib/main');

/** Ends sessions of a user, or all of them. */
export interface Ending {
  kind: 'endAll' | 'endOthers' | 'end';
  user: string;
  /** What the session that stays, or that is meant, began with. */
  root?: string | undefined;
  /** Whether it has returned, and with what. */
  answered?: { at: number; with: unknown };
}

/** A request, or a script, while it runs. */
export interface Running {
  /** Unlike any other of the run. */
  name: string;
  kind: string;
  /** The user that it is about. */
  user: string;
  sessions: session.SessionMiddleware;
  /** Waits for its turn. */
  pause(): Promise<void>;
  /** Ends sessions; tells the judge. */
  ending<T>(ending: Ending, end: () => Promise<T>): Promise<T>;
}

export interface Auth {
  user: string;
  /** The request that logged in. */
  login: string;
}

export function userOf({ auth }: Session): string | undefined {
  return (auth as Auth | undefined)?.user;
}

type Step = (ctx: Koa.Context, running: Running) => unknown;

/** Data of a session: what it began with goes on with its data, whatever id it gets. */
function become(held: Session, { name, user }: Running): void {
  held['root'] ??= name;
  held['auth'] = { user, login: name } satisfies Auth;
}

async function loginAnew(ctx: Koa.Context, running: Running): Promise<void> {
  await ctx.regenerateSession();
  await running.pause();
  become(await sessionOf(ctx), running);
}

async function rotate(ctx: Koa.Context, { name, pause }: Running): Promise<void> {
  await ctx.regenerateSession({ keepData: true });
  await pause();
  (await sessionOf(ctx))[name] = 1;
}

async function endOthers(ctx: Koa.Context, running: Running): Promise<boolean> {
  const held = ctx.session as Session | null;
  const user = held ? userOf(held) : undefined;
  if (user === undefined) return false;
  const others = running.sessions.of(user);
  const isOwn = await running.ending({ kind: 'endOthers', user, root: String(held?.['root']) }, () =>
    others.endOthers(ctx).catch((error: unknown) => {
      // Another request has ended or changed the session.
      if (error instanceof TypeError) return false;
      throw error;
    }),
  );
  return isOwn !== false;
}

/** What requests do; each reads the session first. */
export const steps: Record<string, Step> = {
  read: () => undefined,
  visit: async (ctx, { name }) => {
    const held = await sessionOf(ctx);
    held['root'] ??= name;
    held[name] = 1;
  },
  /** A login as it should be, under a new id. */
  login: loginAnew,
  /** One that writes the user to the session as it is. */
  enter: async (ctx, running) => become(await sessionOf(ctx), running),
  'enter-early': async (ctx, running) => {
    become(await sessionOf(ctx), running);
    // The request goes on if it is refused.
    await ctx.saveSession().catch(() => undefined);
    await running.pause();
  },
  update: (ctx, running) =>
    ctx.sessionHandler
      .update((held) => become(held, running))
      .catch((error: SessionError) => {
        if (error.code !== 'ERR_SESSION_GONE') throw error;
      }),
  keep: rotate,
  /** A rotation and another user in one. */
  'keep-as': async (ctx, running) => {
    await ctx.regenerateSession({ keepData: true });
    await running.pause();
    become(await sessionOf(ctx), running);
  },
  write: async (ctx, { name }) => {
    (await sessionOf(ctx))[name] = 1;
  },
  touch: (ctx) => ctx.sessionHandler.touch(),
  logout: (ctx) => {
    ctx.session = null;
  },
  /** The session goes on as nobody's. */
  leave: async (ctx) => {
    delete (await sessionOf(ctx))['auth'];
  },
  others: endOthers,
  'others-keep': async (ctx, running) => {
    if (await endOthers(ctx, running)) await rotate(ctx, running);
  },
  'others-login': async (ctx, running) => {
    if (await endOthers(ctx, running)) await loginAnew(ctx, running);
  },
  /** All sessions end, and this visitor begins a new one. */
  reset: async (ctx, running) => {
    const { user } = running;
    await running.ending({ kind: 'endAll', user }, () => running.sessions.of(user).endAll(ctx));
    await running.pause();
    await loginAnew(ctx, running);
  },
  /** All sessions of a third user end. */
  'reset-as': async (ctx, running) => {
    await running.ending({ kind: 'endAll', user: 'u3' }, () => running.sessions.of('u3').endAll(ctx));
    await running.pause();
    await loginAnew(ctx, running);
  },
};
