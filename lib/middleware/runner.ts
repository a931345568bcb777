import type Koa = require('koa');

/** The session of one request, as far as its way through the middleware goes. Promises only where there is something to wait for. */
export interface RunningSession {
  /** Before the handlers run. */
  start(): Promise<void> | undefined;
  /** When they are done: saves what they did. */
  commit(): Promise<void> | undefined;
  /** At the end, whatever has happened. */
  leave(): void;
}

/** A middleware that takes each request's session along; `begin` gives it, or `undefined` for a request that is none of its own. */
export function sessionRunner(
  begin: (ctx: Koa.Context) => RunningSession | undefined,
): (ctx: Koa.Context, next: Koa.Next) => Promise<void> {
  return async function session(ctx, next) {
    const running = begin(ctx);
    if (running === undefined) return next();
    try {
      try {
        const starting = running.start();
        if (starting !== undefined) await starting;
        await next();
      } catch (error) {
        // What the handler did before it failed counts; its own error is the one to tell.
        await committed(running).catch((failure) => ctx.app.emit('error', failure, ctx));
        throw error;
      }
      const commit = running.commit();
      if (commit !== undefined) await commit;
    } finally {
      running.leave();
    }
  };
}

async function committed(running: RunningSession): Promise<void> {
  await running.commit();
}
