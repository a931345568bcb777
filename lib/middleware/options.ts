import copy = require('copy-to');

import { expectBoolean, expected, expectFunction, expectMethods, isGiven } from '../base/expect';
import type { OnConflict, SessionOptions, StoreOptions } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import { isTokenStore } from '../client/expect-client';
import { completeIdStore } from '../cookies/complete-id-store';
import { cookieIdStore } from '../cookies/id-store';
import { checkKey, resolveCookieOf, UNSIGNED } from '../cookies/options';
import { STORE_OPTIONS, Store } from '../persistence/store';
import { enrollMerged } from '../session/enrolment';
import type { SessionSettings } from '../session/settings';
import { MemoryStore } from '../stores/memory';
import { adviceOn } from './foreign-options';
import { checkOptions } from './given-options';
import { resolveRenewId } from './renewal-options';
import { resolveUsers } from './user-options';

const DEFAULTS = {
  key: 'koa.sid',
  defer: false,
  rolling: false,
  allowEmpty: false,
  autoCommit: true,
  renew: false,
  onConflict: 'last-write',
} as const satisfies SessionOptions;

const BOOLEANS = ['defer', 'rolling', 'allowEmpty', 'autoCommit'] as const;
const FUNCTIONS = ['genSid', 'errorHandler', 'valid', 'beforeSave', 'user', 'device'] as const;
const KNOWN: readonly string[] = [
  ...Object.keys(DEFAULTS),
  ...STORE_OPTIONS,
  ...FUNCTIONS,
  'store',
  'cookie',
  'sessionIdStore',
  'app',
  'maxPerUser',
  'renewId',
];

type Given = { [Name in keyof SessionOptions]?: NonNullable<SessionOptions[Name]> };
/** The options with defaults filled in. */
type Complete = Given & Required<Pick<Given, keyof typeof DEFAULTS>>;

/** What a middleware of compat/ decides itself; a getter is read in each request. */
type Dialect = Partial<
  Pick<SessionSettings, 'autoCommit' | 'beforeSave' | 'sendsCookie' | 'shapeOf' | 'clearsAlways' | 'endsEmptied'>
>;

/**
 * Completes and checks the options, and creates the Store. Does not change the user's objects.
 *
 * @throws TypeError if an option has the wrong type. An unknown option only causes a process warning.
 */
export function resolveOptions(options: SessionOptions | null | undefined, dialect?: Dialect): SessionSettings {
  checkOptions(options);
  const entries = Object.entries(options ?? {}).filter(([, value]) => isGiven(value));
  warnOfUnknown(
    entries.map(([name]) => name),
    { known: KNOWN, whose: 'the option ', advice: adviceOn },
  );
  const given = Object.fromEntries(entries) as Given;
  const complete = copy(DEFAULTS).to({ ...given } as Complete);
  const { key, defer, rolling, allowEmpty, autoCommit, renew, onConflict } = complete;

  checkKey(key);
  for (const name of BOOLEANS) if (name in given) expectBoolean(name, given[name]);
  for (const name of FUNCTIONS) if (name in given) expectFunction(name, given[name]);
  if ('sessionIdStore' in given) expectMethods('sessionIdStore', given.sessionIdStore, ['get', 'set', 'reset']);
  checkOnConflict(onConflict);
  if ('app' in given) expectMethods('app', given.app, ['createContext']);

  const isProtected = isTokenStore(given.store) && given.store.protectsTokens === true;
  const cookieOf = resolveCookieOf(key, given.cookie, isProtected ? UNSIGNED : undefined);
  const store = resolveStore(given, key);
  const { genSid, errorHandler, valid, beforeSave } = given;
  const users = resolveUsers(given, store);
  const settings = {
    key,
    store,
    cookieOf,
    idStore: given.sessionIdStore === undefined ? cookieIdStore(key, cookieOf) : completeIdStore(given.sessionIdStore),
    sendsCookie: given.sessionIdStore === undefined,
    defer,
    rolling,
    allowEmpty,
    autoCommit,
    renew: resolveRenew(renew, store),
    mayStayUnread: mayStayUnread(complete, store) && dialect?.shapeOf === undefined,
    onConflict,
    genSid,
    errorHandler,
    valid,
    beforeSave,
    app: given.app,
    renewal: resolveRenewId(given.renewId, store),
    notesBeginning:
      given.user !== undefined ||
      given.renewId !== undefined ||
      store.hasAbsoluteTimeout ||
      store.endings !== undefined,
    users,
    enrollMerged: enrollMerged(users),
    shapeOf: undefined,
    clearsAlways: undefined,
    endsEmptied: undefined,
  };
  if (dialect !== undefined) Object.defineProperties(settings, Object.getOwnPropertyDescriptors(dialect));
  return Object.freeze(settings);
}

function mayStayUnread({ allowEmpty, genSid, renew, rolling, valid }: Complete, store: Store): boolean {
  return !(allowEmpty || genSid || renew !== false || rolling || valid || store.hasAbsoluteTimeout);
}

function resolveStore(given: Given, key: string): Store {
  const client = given.store ?? new MemoryStore();
  const innermost = client instanceof Store ? client.client : client;
  if (innermost instanceof MemoryStore && process.env['NODE_ENV'] === 'production') warnOfMemoryStore();
  if (isTokenStore(client)) expectNoKeys(given);
  const ofStore = STORE_OPTIONS.filter((name) => name in given);
  if (!(client instanceof Store)) {
    const options: StoreOptions = Object.fromEntries(ofStore.map((name) => [name, given[name]]));
    return new Store(client, { ...options, user: given.user }, given.store === undefined, key);
  }
  client.user ??= given.user;
  if (ofStore.length === 0) return client;
  throw new TypeError(
    `Expected \`${ofStore.join('`, `')}\` not to be given beside a Store: give ${ofStore.length === 1 ? 'it' : 'them'} to the Store, \`new Store(client, { ${ofStore.join(', ')} })\``,
  );
}

/** @throws TypeError */
function expectNoKeys(given: Given): void {
  for (const [name, what] of [
    ['prefix', 'prefix'],
    ['ids', 'hash'],
  ] as const) {
    if (given[name] === undefined) continue;
    throw new TypeError(
      `Expected \`${name}\` not to be given, since the sessions of this \`store\` travel in the cookie: there are no keys to ${what}`,
    );
  }
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

let warnedOfMemoryStore = false;

function warnOfMemoryStore(): void {
  if (warnedOfMemoryStore) return;
  warnedOfMemoryStore = true;
  process.emitWarning(
    'koa-evented-session keeps sessions in the memory of this process: they are lost when it ends, and no other process sees them. Set `store` in production.',
    { code: 'KOA_EVENTED_SESSION_MEMORY_STORE' },
  );
}
