import { expected } from '../../middleware/engine';
import { resolveOptions } from './options';
import type * as types from './types';

/** koa-session's options, without the cookie's other attributes. */
const NAMES = [
  ...([
    'key',
    'maxAge',
    'autoCommit',
    'overwrite',
    'httpOnly',
    'signed',
    'rolling',
    'renew',
    'secure',
    'sameSite',
  ] as const),
  ...(['externalKey', 'store', 'ContextStore', 'encode', 'decode', 'genid', 'prefix', 'valid', 'beforeSave'] as const),
  'timeout',
] as const satisfies readonly (keyof types.CreateSessionOptions)[];

/** The options of one request, as `ctx.sessionOptions`; `maxAge` is the session's. */
export type SessionOptions = types.SessionOptions;

/** Completes options, as koa-session's schema of this name does. */
export const SessionOptions = Object.freeze({
  /**
   * Adds the defaults, and omits any option that koa-session does not have.
   *
   * @throws TypeError if an option has the wrong type.
   */
  parse(given: types.CreateSessionOptions): SessionOptions {
    if (typeof given !== 'object' || given === null) throw expected('options', 'an object', given);
    const entries = Object.entries(resolveOptions(given)).filter(([name]) =>
      (NAMES as readonly string[]).includes(name),
    );
    return Object.fromEntries(entries) as unknown as SessionOptions;
  },
});
