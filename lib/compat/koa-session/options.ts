import type Koa = require('koa');

import {
  expectBoolean,
  expected,
  expectFunction,
  expectMethods,
  expectString,
  isGiven,
  warnOfUnknown,
} from '../../middleware/engine';
import type { CreateSessionOptions, SessionOptions, SessionRecord } from './types';

const DEFAULTS = {
  key: 'koa.sess',
  autoCommit: true,
  overwrite: true,
  httpOnly: true,
  signed: true,
  rolling: false,
  renew: false,
  encode: (session: SessionRecord) => Buffer.from(JSON.stringify(session)).toString('base64'),
  decode: (cookie: string): unknown => JSON.parse(Buffer.from(cookie, 'base64').toString()),
} as const satisfies CreateSessionOptions;

const STRINGS = ['key', 'prefix'] as const;
const BOOLEANS = ['autoCommit', 'overwrite', 'httpOnly', 'signed', 'rolling', 'renew', 'secure'] as const;
const FUNCTIONS = ['encode', 'decode', 'genid', 'valid', 'beforeSave'] as const;
const METHODS = ['get', 'set', 'destroy'] as const;

/** Options of the package's own middleware, which an application may miss here. Unknown ones are attributes of the cookie. */
const OTHERS = ['user', 'device', 'maxPerUser', 'renewId', 'absoluteTimeout', 'ids', 'broadcastEndings'];

/** The longest delay of Node's timers, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

type Given = { [Name in keyof CreateSessionOptions]?: NonNullable<CreateSessionOptions[Name]> };
/** The options, complete and checked. */
export type Options = Readonly<SessionOptions>;

/** The parts of an application that are used. */
export interface Application {
  readonly context: object;
  use: unknown;
}

/** koa-session accepts its two arguments in either order. */
export function resolveArguments(first: unknown, second: unknown): { app: Application; given: CreateSessionOptions } {
  const [app, given] = isApplication(first) ? [first, second] : [second, first];
  if (!isApplication(app)) throw expected('app', 'an application: `session(options, app)`', app);
  if (isGiven(given) && typeof given !== 'object') throw expected('options', 'an object', given);
  return { app, given: given ?? {} };
}

/**
 * Completes and checks the options. Does not change the user's object.
 *
 * @throws TypeError if an option has the wrong type.
 */
export function resolveOptions(options: CreateSessionOptions & { maxage?: unknown }): Options {
  const entries = Object.entries(options).filter(([, value]) => isGiven(value));
  const { maxage, ...given }: Given & { maxage?: never } = Object.fromEntries(entries);
  // koa-session's earlier name.
  if (maxage !== undefined && given.maxAge === undefined) given.maxAge = maxage;
  if (!given.ContextStore) delete given.ContextStore;
  for (const name of STRINGS) if (name in given) expectString(name, given[name]);
  for (const name of BOOLEANS) if (name in given) expectBoolean(name, given[name]);
  for (const name of FUNCTIONS) if (name in given) expectFunction(name, given[name]);
  const foreign = OTHERS.filter((name) => name in given);
  warnOfUnknown(foreign, {
    known: [],
    whose: "koa-session's option ",
    advice: () => 'use the middleware of `koa-evented-session` itself',
  });
  checkSameSite(given.sameSite);
  if ('externalKey' in given) expectMethods('externalKey', given.externalKey, ['get', 'set']);
  checkMaxAge(given.maxAge);
  checkTimeout(given.timeout);
  checkStore(given);
  return Object.freeze({ ...DEFAULTS, ...given });
}

/** @throws TypeError */
function checkMaxAge(maxAge: unknown): void {
  if (maxAge === undefined || maxAge === 'session' || Number.isFinite(maxAge)) return;
  throw expected('maxAge', "a number of milliseconds or 'session'", maxAge);
}

/** @throws TypeError */
function checkSameSite(sameSite: unknown): void {
  if (sameSite === undefined || typeof sameSite === 'string' || typeof sameSite === 'boolean') return;
  throw expected('sameSite', "'strict', 'lax', 'none', true or false", sameSite);
}

/**
 * Checked here, since the engine's error would name its own options.
 *
 * @throws TypeError
 */
function checkTimeout(timeout: number | undefined): void {
  if (timeout === undefined || (Number.isFinite(timeout) && timeout >= 1 && timeout <= LONGEST_TIMER)) return;
  throw expected('timeout', `a number of milliseconds from 1 to ${LONGEST_TIMER}`, timeout);
}

/** @throws TypeError */
function checkStore({ store, ContextStore }: Pick<CreateSessionOptions, 'store' | 'ContextStore'>): void {
  if (isGiven(store)) expectMethods('store', store, METHODS);
  if (!ContextStore) return;
  expectFunction('ContextStore', ContextStore);
  expectMethods('ContextStore.prototype', ContextStore.prototype, METHODS);
}

function isApplication(value: unknown): value is Application & Koa {
  return typeof (value as Partial<Koa> | null | undefined)?.use === 'function';
}
