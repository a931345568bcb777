import type Koa = require('koa');

import * as compat from './compat/koa-session/middleware';
import * as options from './compat/koa-session/session-options';
import * as types from './compat/koa-session/types';

/**
 * Creates a session middleware that replaces koa-session: `app.use(session(options, app))` or `app.use(session(app))`.
 *
 * @throws TypeError if an option is invalid or the application is missing.
 */
function session(options: types.CreateSessionOptions | null | undefined, app: compat.Application): Koa.Middleware;
function session(app: compat.Application, options?: types.CreateSessionOptions | null): Koa.Middleware;
function session(first: unknown, second?: unknown): Koa.Middleware {
  return compat.createSession(first as compat.Application, second as types.CreateSessionOptions);
}

// What `require('koa-evented-session/koa-session')` exports besides the function itself.
namespace session {
  export import createSession = compat.createSession;
  export import SessionOptions = options.SessionOptions;
}

// Types.
declare namespace session {
  export import CreateSessionOptions = types.CreateSessionOptions;
  export import Session = types.Session;
  export import SessionRecord = types.SessionRecord;
  export import ExternalStore = types.ExternalStore;
  export import ContextStore = types.ContextStore;
  export import ExternalKey = types.ExternalKey;
  export import MaxAge = types.MaxAge;
  export import Application = compat.Application;
}

// Node finds the named exports for ES modules by scanning this file.
module.exports.createSession = compat.createSession;
module.exports.SessionOptions = options.SessionOptions;

// For ES modules compiled to CommonJS.
Object.defineProperty(session, 'default', { value: session, enumerable: true });

export = session;
