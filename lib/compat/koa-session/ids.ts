import type Koa = require('koa');

import { forbidSharing, type SessionIdStore } from '../../index';
import type { SessionOptions } from './types';

type OptionsOf = (ctx: Koa.Context) => SessionOptions;

/** Carries ids, or whole sessions, in the cookie. `ctx.cookies` may be of another make: it gets all options. */
export function inCookie(optionsOf: OptionsOf): SessionIdStore {
  return {
    get() {
      return presentedIn(this, optionsOf(this));
    },

    set(sid) {
      send(this, sid, optionsOf(this));
    },

    reset() {
      send(this, '', { ...optionsOf(this), maxAge: undefined }, new Date(0));
    },
  };
}

/** Carries ids as the option `externalKey` says. There may be a cookie nevertheless: it is cleared with the session. */
export function outsideCookie(optionsOf: OptionsOf): SessionIdStore {
  return {
    ...inCookie(optionsOf),

    get() {
      return optionsOf(this).externalKey?.get(this);
    },

    set(sid) {
      return optionsOf(this).externalKey?.set(this, sid);
    },
  };
}

/** What the visitor's cookie holds. */
export function presentedIn(ctx: Koa.Context, options: SessionOptions): string | undefined {
  return ctx.cookies.get(options.key, options as Parameters<typeof ctx.cookies.get>[1]);
}

function send(ctx: Koa.Context, value: string, options: SessionOptions, expires?: Date): void {
  const { maxAge, ...attributes } = options;
  const cookie = { ...attributes, ...(expires && { expires }), ...(typeof maxAge === 'number' && { maxAge }) };
  ctx.cookies.set(options.key, value, cookie as Parameters<typeof ctx.cookies.set>[2]);
  forbidSharing(ctx);
}
