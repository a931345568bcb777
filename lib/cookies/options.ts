import type Koa = require('koa');
import copy = require('copy-to');

import { expected } from '../base/expect';
import { ONE_DAY } from '../base/ttl';
import type { CookieOptions } from '../base/types';
import { nearestOf, warnOfUnknown } from '../base/unknown-options';
import { COOKIE_ATTRIBUTES, needsSecure, wrongAttribute } from './attributes';
import type { CookieOf } from './id-store';

/** The attributes of a cookie without options. */
const DEFAULTS: Readonly<CookieOptions> = Object.freeze({
  path: '/',
  httpOnly: true,
  overwrite: true,
  signed: true,
  maxAge: ONE_DAY,
  sameSite: 'lax',
});

/**
 * Excludes what `cookies` rejects or browsers do not return: control characters, space, `"`, `,`, `;`, `=` and
 * non-ASCII characters (RFC 6265, section 4.1.1).
 */
const NAME = /^[!#-+\--:<>-~]+$/;

/** The defaults for a cookie that needs no signature. */
export const UNSIGNED: Readonly<CookieOptions> = Object.freeze({ ...DEFAULTS, signed: false });

/**
 * Returns a function that gives the cookie's attributes in each request. The results of the `cookie` option, if it is a
 * function, are checked once per object.
 */
export function resolveCookieOf(
  key: string,
  given: CookieOptions | ((ctx: Koa.Context) => CookieOptions) | undefined,
  defaults: Readonly<CookieOptions> = DEFAULTS,
): CookieOf {
  if (typeof given !== 'function') {
    const cookie = resolveCookie(key, given ?? {}, new Set(), defaults);
    return () => cookie;
  }
  const warnedOf = new Set<string>();
  const resolved = new WeakMap<object, Readonly<CookieOptions>>();
  const byRequest = new WeakMap<object, Readonly<CookieOptions>>();
  return (ctx) => {
    let cookie = byRequest.get(ctx);
    if (cookie !== undefined) return cookie;
    const options = given(ctx);
    // A promise has no attributes and would otherwise pass as empty options.
    if (typeof options !== 'object' || options === null || options instanceof Promise)
      throw expected('cookie', 'a function that returns an object', options);
    cookie = resolved.get(options) ?? resolveCookie(key, options, warnedOf, defaults);
    resolved.set(options, cookie);
    byRequest.set(ctx, cookie);
    return cookie;
  };
}

/** @throws TypeError if the key is not a valid cookie name. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key === 'string' && NAME.test(key)) return;
  throw expected('key', 'a cookie name: printable ASCII without spaces, `"`, `,`, `;` and `=`', key);
}

function resolveCookie(
  key: string,
  options: CookieOptions & { maxage?: CookieOptions['maxAge'] },
  warnedOf: Set<string>,
  defaults: Readonly<CookieOptions>,
): Readonly<CookieOptions> {
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw expected('cookie', 'an object, or a function that returns one', options);
  }
  const { maxage, ...given } = options;
  // connect's spelling, which koa-generic-session accepts too.
  if (given.maxAge === undefined && maxage !== undefined) given.maxAge = maxage;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || (value === null && name !== 'maxAge')) delete given[name as keyof CookieOptions];
  }
  for (const name of COOKIE_ATTRIBUTES) {
    const expectation = wrongAttribute(name, given[name]);
    if (expectation !== undefined) throw expected(`cookie.${name}`, expectation, given[name]);
  }
  if (typeof given.expires === 'string') given.expires = new Date(given.expires);
  warnOfMisspelt(Object.keys(given), warnedOf);
  warnOfInsecure(given, warnedOf);
  const cookie = copy(defaults).to({ ...given });
  // As in the ttl rule, `expires` wins, so that cookie and record end together.
  if (given.expires !== undefined) delete cookie.maxAge;
  checkNamePrefix(key, cookie);
  return Object.freeze(cookie);
}

/** Options that belong beside `cookie` rather than in it. */
const BESIDE: Readonly<Record<string, string>> = {
  name: 'set the name of the cookie as `key`, beside `cookie`',
  key: 'set the name of the cookie as `key`, beside `cookie`',
  keys: 'set `app.keys = [secret]`',
  secret: 'set `app.keys = [secret]`',
  ttl: 'give `ttl` beside `cookie`, or `cookie.maxAge`',
};

/** Warns only of certain mistakes: other attributes may be meant for another cookie library. */
function warnOfMisspelt(names: readonly string[], warnedOf: Set<string>): void {
  const advice = (name: string) => (Object.hasOwn(BESIDE, name) ? BESIDE[name] : undefined);
  const isMistake = (name: string) => advice(name) !== undefined || nearestOf(name, COOKIE_ATTRIBUTES) !== undefined;
  const news = names.filter((name) => !warnedOf.has(name) && isMistake(name));
  for (const name of news) warnedOf.add(name);
  warnOfUnknown(news, { known: COOKIE_ATTRIBUTES, path: 'cookie.', advice });
}

const INSECURE = 'KOA_EVENTED_SESSION_INSECURE_COOKIE';

/** Warns rather than throws: clients other than browsers may accept it. */
function warnOfInsecure(cookie: CookieOptions, warnedOf: Set<string>): void {
  const why = needsSecure(cookie);
  if (cookie.secure !== false || why === undefined || warnedOf.has(INSECURE)) return;
  warnedOf.add(INSECURE);
  process.emitWarning(
    `Browsers drop a cookie with \`${why}\` that is not secure: set \`cookie: { secure: true }\`, or omit \`secure\``,
    { code: INSECURE },
  );
}

/** Browsers drop cookies that break the rules of their name's prefix (RFC 6265bis, section 4.1.3). */
function checkNamePrefix(key: string, { secure, path, domain }: CookieOptions): void {
  if (/^__(secure|host)-/i.test(key) && secure !== true) {
    throw new TypeError(
      `Expected \`cookie.secure\` to be \`true\`, since \`key\` is \`${key}\`: browsers drop the cookie otherwise`,
    );
  }
  if (/^__host-/i.test(key) && (path !== '/' || domain !== undefined)) {
    throw new TypeError(
      `Expected \`cookie.path\` to be \`/\` and \`cookie.domain\` not to be given, since \`key\` is \`${key}\`: browsers drop the cookie otherwise`,
    );
  }
}
