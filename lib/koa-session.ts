import type Koa = require('koa');

import * as compat from './compat/koa-session/middleware';
import * as options from './compat/koa-session/session-options';
import * as types from './compat/koa-session/types';

/**
 * Takes the place of koa-session: `app.use(session(options, app))` or `app.use(session(app))`.
 *
 * @throws TypeError for options that cannot be right, and without an application.
 */
function session(options: types.CreateSessionOptions | null | undefined, app: compat.Application): Koa.Middleware;
function session(app: compat.Application, options?: types.CreateSessionOptions | null): Koa.Middleware;
function session(first: unknown, second?: unknown): Koa.Middleware {
  return compat.createSession(first as compat.Application, second as types.CreateSessionOptions);
}

// What `require('koa-evented-session/koa-session')` offers beside the function itself.
namespace session {
  export import createSession = compat.createSession;
  export import SessionOptions = options.SessionOptions;
}

// Its types.
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

// Node finds the names that ES modules may import by reading this file.
module.exports.createSession = compat.createSession;
module.exports.SessionOptions = options.SessionOptions;

// ES modules compiled to CommonJS look for it.
Object.defineProperty(session, 'default', { value: session, enumerable: true });

export = session;
