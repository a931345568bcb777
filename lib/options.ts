import copy = require('copy-to');

import { closest, distance } from 'fastest-levenshtein';
import { type CookieIdStore, cookieIdStore } from './cookie-id-store';
import { checkKey, resolveCookieOf } from './cookie-options';
import { expectBoolean, expected, expectFunction, expectMethods, isGiven } from './expect';
import { MemoryStore } from './memory-store';
import { Store } from './store';
import type { OnConflict, SessionIdStore, SessionOptions, SessionStore, StoreOptions } from './types';

const DEFAULTS = {
  key: 'koa.sid',
  defer: false,
  rolling: false,
  allowEmpty: false,
  autoCommit: true,
  renew: false,
  onConflict: 'last-write',
} as const satisfies SessionOptions;

const STORE_OPTIONS = [
  'prefix',
  'ttl',
  'reconnectTimeout',
  'timeout',
] as const satisfies readonly (keyof StoreOptions)[];
const BOOLEANS = ['defer', 'rolling', 'allowEmpty', 'autoCommit'] as const;
const FUNCTIONS = ['genSid', 'errorHandler', 'valid', 'beforeSave'] as const;
const KNOWN: readonly string[] = [
  ...Object.keys(DEFAULTS),
  ...STORE_OPTIONS,
  ...FUNCTIONS,
  'store',
  'cookie',
  'sessionIdStore',
  'app',
];

/** The options of a middleware, complete and checked. */
export type ResolvedOptions = ReturnType<typeof resolveOptions>;

type Given = { [Name in keyof SessionOptions]?: NonNullable<SessionOptions[Name]> };

/**
 * Completes and checks the options, and makes the Store. The user's objects are never changed.
 *
 * @throws TypeError for an option of the wrong type; one that nobody knows is a process warning.
 */
export function resolveOptions(options: SessionOptions | null | undefined) {
  checkOptions(options);
  const entries = Object.entries(options ?? {}).filter(([, value]) => isGiven(value));
  warnOfUnknown(entries.map(([name]) => name));
  const given = Object.fromEntries(entries) as Given;
  const { key, defer, rolling, allowEmpty, autoCommit, renew, onConflict } = copy(DEFAULTS).to<Given>({ ...given });

  checkKey(key);
  for (const name of BOOLEANS) if (name in given) expectBoolean(name, given[name]);
  for (const name of FUNCTIONS) if (name in given) expectFunction(name, given[name]);
  if (given.sessionIdStore) expectMethods('sessionIdStore', given.sessionIdStore, ['get', 'set', 'reset']);
  checkOnConflict(onConflict);
  if (given.app) expectMethods('app', given.app, ['createContext']);

  const cookieOf = resolveCookieOf(key, given.cookie);
  const store = resolveStore(given);
  const { genSid, errorHandler, valid, beforeSave } = given;
  const idStore: SessionIdStore & Partial<Pick<CookieIdStore, 'isOutdated' | 'sign' | 'check'>> =
    given.sessionIdStore ?? cookieIdStore(key, cookieOf);
  return Object.freeze({
    store,
    cookieOf,
    idStore,
    /** Whether the id travels in headers of ours, which have to be set before the response's head is sent. */
    sendsCookie: given.sessionIdStore === undefined,
    defer,
    rolling,
    allowEmpty,
    autoCommit,
    renew: resolveRenew(renew, store),
    onConflict,
    genSid,
    errorHandler,
    valid,
    beforeSave,
    app: given.app,
  });
}

/** @throws TypeError */
function checkOptions(options: unknown): void {
  if (!isGiven(options)) return;
  if (typeof options !== 'object' || Array.isArray(options)) throw expected('options', 'an object', options);
  if (typeof (options as Partial<SessionStore>).destroy !== 'function') return;
  throw new TypeError('Expected `options` to be an object, got a store: give it as `session({ store })`');
}

function resolveStore(given: Given): Store {
  const client = given.store ?? new MemoryStore();
  const innermost = client instanceof Store ? client.client : client;
  if (innermost instanceof MemoryStore && process.env['NODE_ENV'] === 'production') warnOfMemoryStore();
  if (!(client instanceof Store)) return new Store(client, given, given.store === undefined);
  const twice = STORE_OPTIONS.filter((name) => name in given);
  if (twice.length === 0) return client;
  throw new TypeError(
    `Expected \`${twice.join('`, `')}\` not to be given beside a Store: give it to the Store, \`new Store(client, { ${twice.join(', ')} })\``,
  );
}

/** @throws TypeError */
function resolveRenew(renew: unknown, store: Store): number | undefined {
  if (renew === false) return undefined;
  const fraction = renew === true ? 0.5 : renew;
  if (typeof fraction !== 'number' || !(fraction > 0 && fraction <= 1)) {
    throw expected('renew', '`true`, `false` or a fraction of the ttl above 0 and up to 1', renew);
  }
  if (store.knowsTtl) return fraction;
  throw new TypeError(
    'Expected `store` to tell how long a record has left, since `renew` is given: use a store with `load`, `create`, `swap` and `touch`, or `rolling`',
  );
}

/** @throws TypeError */
function checkOnConflict(onConflict: unknown): asserts onConflict is OnConflict {
  if (onConflict === 'last-write' || onConflict === 'throw' || typeof onConflict === 'function') return;
  throw expected('onConflict', "'last-write', 'throw' or a function (key, base, mine, theirs) => value", onConflict);
}

/** A warning and no error: old configurations carry leftovers. */
function warnOfUnknown(names: readonly string[]): void {
  for (const name of names.filter((option) => !KNOWN.includes(option))) {
    const nearest = closest(name, KNOWN);
    const hint = distance(name, nearest) <= 3 ? `; did you mean \`${nearest}\`?` : '';
    process.emitWarning(`koa-evented-session does not know the option \`${name}\`${hint}`, {
      code: 'KOA_EVENTED_SESSION_UNKNOWN_OPTION',
    });
  }
}

let warnedOfMemoryStore = false;

function warnOfMemoryStore(): void {
  if (warnedOfMemoryStore) return;
  warnedOfMemoryStore = true;
  process.emitWarning(
    'koa-evented-session keeps sessions in the memory of this process: they end with it, and no other process sees them. Give a `store` in production.',
    { code: 'KOA_EVENTED_SESSION_MEMORY_STORE' },
  );
}
