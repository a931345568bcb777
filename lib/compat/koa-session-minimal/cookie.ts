import type Koa = require('koa');

import {
  addMaxAge,
  type CookieOptions,
  cookiesOf,
  cookieValues,
  type FullIdStore,
  mayCarrySeveral,
  type SessionIdStore,
  warnIfDropped,
} from '../../middleware/engine';
import type { CookieAttributes } from './options';

/** Returns a request's attributes, once the handlers are done. */
export type CookieOf = (ctx: Koa.Context) => CookieAttributes;

/** Attributes that are on or off. */
const FLAGS: readonly string[] = ['httpOnly', 'secure', 'partitioned'];

/**
 * Adds koa-session-minimal's defaults. Configurations leave fields empty, so an empty string counts as not given; other
 * falsy values turn an attribute off.
 */
export function completed(given: CookieAttributes | null | undefined): CookieAttributes {
  const own = Object.entries(given ?? {})
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => [name, FLAGS.includes(name) ? Boolean(value) : value]);
  const cookie: CookieAttributes = {
    ...{ maxAge: 0, path: '/', httpOnly: true },
    ...Object.fromEntries(own),
    ...{ overwrite: true, signed: false },
  };
  const isOver = !cookie.maxAge || cookie.maxAge < 0;
  return isOver ? { ...cookie, maxAge: 0 } : cookie;
}

/** Carries the id in a cookie with exactly these attributes, on every path. */
export function cookieIds(key: string, cookieOf: CookieOf): SessionIdStore & Pick<FullIdStore, 'allIds'> {
  return {
    get() {
      return cookiesOf(this).get(key, { signed: false });
    },
    allIds() {
      const header = this.req.headers.cookie ?? '';
      return mayCarrySeveral(header, key) ? cookieValues(header, key) : [];
    },
    set(sid) {
      const cookie = cookieOf(this);
      cookiesOf(this).set(key, sid, cookie);
      addMaxAge(this, [key], cookie);
      warnIfDropped(this, key, cookie as CookieOptions);
    },
    reset() {
      const { maxAge: _, ...cookie } = cookieOf(this);
      cookiesOf(this).set(key, null, cookie);
    },
  };
}
