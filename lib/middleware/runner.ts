import type Koa = require('koa');

/**
 * The session of one request on its way through the middleware. Methods return a promise only if there is something to
 * wait for.
 */
export interface RunningSession {
  /** Runs before the handlers. */
  start(): Promise<void> | undefined;
  /** Runs after the handlers: saves their changes. */
  commit(): Promise<void> | undefined;
  /** Runs last, whatever happened. */
  leave(): void;
}

/**
 * A middleware that runs the session of each request. `begin` returns it, or `undefined` if another middleware handles
 * the request.
 */
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
        // Changes made before the handler failed are saved. The request fails with the handler's error, not with one of
        // saving.
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
