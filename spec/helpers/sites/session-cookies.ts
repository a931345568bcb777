import type Cookies from 'cookies';
import type { CookieOptions } from '../../../lib/main';
import type { MapClient } from '../stores/map-client';
import { type Routes, sessionOf } from './session-site';

/** How long the cookie of a Set-Cookie line lives from now, in milliseconds; `undefined` for one that ends with the browser. */
export function lifetime(line: string | undefined): number | undefined {
  const date = line?.match(/expires=([^;]+)/)?.[1];
  return date === undefined ? undefined : Date.parse(date) - Date.now();
}

/** The `cookie` of the only record, and its ttl. */
export function onlyRecord(store: MapClient): { cookie: CookieOptions & { own: string[] }; ttl: unknown } {
  const [[key, text]] = [...store.records] as [[string, string]];
  return { cookie: JSON.parse(text).cookie, ttl: store.ttls.get(key) };
}

/** A route `/set` whose handler sets attributes of the session's cookie, one after the other. */
export function settingCookie(...attributes: object[]): Routes {
  return {
    '/set': async (ctx) => {
      const session = await sessionOf(ctx);
      session['a'] = 1;
      Object.assign(session.cookie, ...attributes);
    },
  };
}

const ofKoa = require(require.resolve('cookies', { paths: [require.resolve('koa')] })) as typeof Cookies;

/** Attributes that other packages can send too: the `ctx.cookies` of Koa 2.13 and 2.14 drops them. */
export const NEWER_ATTRIBUTES =
  'partitioned' in ofKoa.Cookie.prototype ? { priority: 'high', partitioned: true } : { sameSite: 'lax' };
