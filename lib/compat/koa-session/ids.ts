import type Koa = require('koa');

import {
  addMaxAge,
  type CookieOptions,
  cookiesOf,
  cookieValues,
  type FullIdStore,
  mayCarrySeveral,
  REFUSED,
  type SessionIdStore,
  sessionLine,
  signedValues,
  warnIfDropped,
} from '../../middleware/engine';
import type { SessionOptions } from './types';

type OptionsOf = (ctx: Koa.Context) => SessionOptions;
type IdStore = SessionIdStore & Pick<FullIdStore, 'allIds'>;

/** Carries ids, or whole sessions, in the cookie. A replacement of `ctx.cookies` gets all options. */
export function inCookie(optionsOf: OptionsOf): IdStore {
  return {
    get() {
      return presentedIn(this, optionsOf(this));
    },

    allIds() {
      return severalIn(this, optionsOf(this));
    },

    set(sid) {
      send(this, sid, optionsOf(this));
    },

    reset() {
      send(this, '', { ...optionsOf(this), maxAge: undefined }, new Date(0));
    },
  };
}

/** Carries ids through the option `externalKey`. Also clears a cookie that the visitor may have. */
export function outsideCookie(optionsOf: OptionsOf): IdStore {
  return {
    ...inCookie(optionsOf),

    get() {
      return optionsOf(this).externalKey?.get(this);
    },

    allIds: () => [],

    set(sid) {
      return optionsOf(this).externalKey?.set(this, sid);
    },
  };
}

/** The value of the visitor's cookie. Of several, the first that `accepts`, or else the first. */
export function presentedIn(
  ctx: Koa.Context,
  options: SessionOptions,
  accepts = (_value: string) => true,
): string | undefined {
  const several = severalIn(ctx, options);
  const presented = several.find(accepts) ?? several[0] ?? read(readOnlyWithoutResponse(ctx), options);
  if (presented === undefined && sessionLine.enabled && cookieValues(ctx.req.headers.cookie ?? '', options.key)[0]) {
    sessionLine(REFUSED);
  }
  return presented;
}

/** The values of the visitor's cookies if there are several, in the order sent. */
function severalIn(ctx: Koa.Context, options: SessionOptions): readonly string[] {
  const { key } = options;
  const header = ctx.req.headers.cookie ?? '';
  if (!mayCarrySeveral(header, key) && !mayCarrySeveral(header, `${key}.sig`)) return [];
  try {
    return signedValues(header, key, (value, signature) =>
      read(readerOf(ctx, `${key}=${value}; ${key}.sig=${signature}`), options),
    );
  } catch {
    // A replacement of `cookies` may not support another header.
    return [];
  }
}

/**
 * The request's `ctx.cookies`, for another header. Sets nothing, while `cookies` and egg-cookies clear a wrong
 * signature.
 */
function readerOf(ctx: Koa.Context, header: string): Koa.Context['cookies'] {
  const reader: Koa.Context['cookies'] = Object.create(cookiesOf(ctx), {
    request: { value: { headers: { cookie: header } } },
    ctx: { value: { get: () => header } },
    set: { value: () => reader },
  });
  return reader;
}

/** Without a response, nothing can be set, but reading a wrong or old signature sets cookies. */
function readOnlyWithoutResponse(ctx: Koa.Context): Koa.Context['cookies'] {
  const cookies = cookiesOf(ctx);
  return ctx.res === undefined ? Object.create(cookies, { set: { value: () => cookies } }) : cookies;
}

function read(cookies: Koa.Context['cookies'], options: SessionOptions): string | undefined {
  return cookies.get(options.key, options as Parameters<typeof cookies.get>[1]);
}

function send(ctx: Koa.Context, value: string, options: SessionOptions, expires?: Date): void {
  const { maxAge, ...attributes } = options;
  const cookie = { ...attributes, ...(expires && { expires }), ...(typeof maxAge === 'number' && { maxAge }) };
  cookiesOf(ctx).set(options.key, value, cookie as Parameters<typeof ctx.cookies.set>[2]);
  addMaxAge(ctx, [options.key, `${options.key}.sig`], cookie);
  if (expires === undefined) warnIfDropped(ctx, options.key, cookie as CookieOptions);
}
