import type Koa from 'koa';
import { forbidSharing, type SessionIdStore } from '../../index';
import type { SessionOptions } from './types';

/** Carries what the visitor holds, by the options of each request. `ctx.cookies` may be of another make: it gets all options. */
export function idStore(optionsOf: (ctx: Koa.Context) => SessionOptions): SessionIdStore {
  return {
    get() {
      return presentedBy(this, optionsOf(this));
    },

    set(sid) {
      const options = optionsOf(this);
      return options.externalKey ? options.externalKey.set(this, sid) : send(this, sid, options);
    },

    reset() {
      send(this, '', { ...optionsOf(this), maxAge: undefined }, new Date(0));
    },
  };
}

/** What the visitor's cookie holds, or the key that came another way. */
export function presentedBy(ctx: Koa.Context, options: SessionOptions): ReturnType<SessionIdStore['get']> {
  return options.externalKey ? options.externalKey.get(ctx) : cookieOf(ctx, options);
}

export function cookieOf(ctx: Koa.Context, options: SessionOptions): string | undefined {
  return ctx.cookies.get(options.key, options as Parameters<typeof ctx.cookies.get>[1]);
}

function send(ctx: Koa.Context, value: string, options: SessionOptions, expires?: Date): void {
  const { maxAge, ...attributes } = options;
  const cookie = { ...attributes, ...(expires && { expires }), ...(typeof maxAge === 'number' && { maxAge }) };
  ctx.cookies.set(options.key, value, cookie as Parameters<typeof ctx.cookies.set>[2]);
  forbidSharing(ctx);
}
