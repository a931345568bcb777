// An application on koa-generic-session, as its published types allow it. Compiled with them, then with only the module's name changed.
import Koa = require('koa');
import Cookies = require('cookies');

import session, {
  type Session,
  type SessionIdStore,
  type SessionOptions,
  type SessionStore,
} from 'koa-generic-session';

declare module 'koa-generic-session' {
  interface Session {
    user?: { name: string } | undefined;
    views?: number;
  }
}

class Records implements SessionStore {
  readonly #records = new Map<string, Session>();

  get(sid: string): Session | undefined {
    return this.#records.get(sid);
  }

  set(sid: string, stored: Session): void {
    this.#records.set(sid, stored);
  }

  destroy(sid: string): void {
    this.#records.delete(sid);
  }
}

const remote: SessionStore = {
  async get(sid) {
    return new session.MemoryStore().get(sid);
  },
  async set(sid, stored, ttl) {
    console.log(sid, stored.cookie.maxAge, ttl);
  },
  async destroy() {},
};

const header: SessionIdStore = {
  get() {
    return this.get('x-session');
  },
  set(sid, stored) {
    if (stored.cookie.httpOnly) this.set('x-session', sid);
  },
  reset() {
    this.remove('x-session');
  },
};

const attributes: Cookies.SetOption = { maxAge: 1000, httpOnly: true, sameSite: 'lax', expires: new Date() };
const options: SessionOptions = {
  key: 'shop.sid',
  prefix: 'shop:sess:',
  ttl: 60_000,
  store: new Records(),
  cookie: attributes,
  allowEmpty: false,
  defer: false,
  rolling: true,
  reconnectTimeout: 1000,
  sessionIdStore: header,
  genSid(length) {
    return Promise.resolve(`${this.ip}${length}`);
  },
  errorHandler(error: Error, type: string, ctx: Koa.Context) {
    ctx.throw(503, `${type}: ${error.message}`);
  },
  valid(ctx: Koa.Context, stored: Session) {
    return ctx.secure === Boolean(stored.cookie.secure);
  },
  beforeSave(_ctx: Koa.Context, stored: Session) {
    stored.views = (stored.views ?? 0) + 1;
  },
};

const middleware: Koa.Middleware = session(options);
const app = new Koa();
app.use(middleware);
app.use(session({ store: remote }));
app.use(session({ store: new session.MemoryStore() }));
app.use(async (ctx: Koa.Context, next) => {
  const stored: Session | null = ctx.session;
  if (stored) {
    stored.user = { name: 'Ann' };
    stored.cookie.maxAge = 5000;
    stored.cookie = { maxAge: 5000 };
  }
  ctx.session = null;
  ctx.sessionSave = true;
  const id: string = ctx.sessionId;
  await ctx.regenerateSession();
  await next();
  ctx.body = id;
});
