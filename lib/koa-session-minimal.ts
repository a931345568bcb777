import type { Middleware, Options } from './compat/koa-session-minimal/options';
import { createMinimalSession } from './compat/koa-session-minimal/session';

/**
 * Makes a session middleware that takes the place of koa-session-minimal 4: `app.use(session({ store: redisStore() }))`.
 *
 * @throws TypeError for options that cannot be right.
 */
function session(options?: Options | null): Middleware {
  return createMinimalSession(options);
}

declare namespace session {
  /** The options of koa-session-minimal. `null` and `undefined` mean "not given". */
  export interface SessionOptions extends Options {}
  /** The middleware. */
  export interface SessionMiddleware extends Middleware {}
}

// ES modules compiled to CommonJS look for it.
Object.defineProperty(session, 'default', { value: session, enumerable: true });

export = session;
