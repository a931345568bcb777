import type { Middleware, Options } from './compat/koa-session-minimal/options';
import { createMinimalSession } from './compat/koa-session-minimal/session';

/**
 * Creates a session middleware that replaces koa-session-minimal 4: `app.use(session({ store: redisStore() }))`.
 *
 * @throws TypeError if an option is invalid.
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

// For ES modules compiled to CommonJS.
Object.defineProperty(session, 'default', { value: session, enumerable: true });

export = session;
