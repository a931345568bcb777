// The other way to load it.
import Koa = require('koa');
import session = require('koa-generic-session');

const options: session.SessionOptions = { store: new session.MemoryStore(), ttl: 1000 };
const sessions: Koa.Middleware = session(options);
export const handle: Koa.Middleware = (ctx, next) => sessions(ctx, next);
export type Stored = session.Session;
