import { expectBoolean, isGiven } from '../base/expect';
import type { Session } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import { expectWalk } from '../base/walk';
import { givenUser } from './whose';

/** A session in a store, as `store.sessions()` finds it. */
export interface StoredSession {
  /**
   * Identifies the session: a hash that does not lead to the session id. It is the `handle` of `sessions.of(user)`, and stays if the session
   * gets a new id with its data while one of the options `user`, `renewId` and `absoluteTimeout` is given.
   */
  handle: string;
  /**
   * The user that the option `user` of the Store returns, as a string; `undefined` if it returns none, throws or is not given. If the walk
   * asked for a user, that one.
   */
  user: string | undefined;
  /** When the session began. `undefined` unless the application gives `user`, `renewId` or `absoluteTimeout`. */
  createdAt: Date | undefined;
  /**
   * When the session was last used, as `sessions.of(user).list()` tells it. `undefined` if the store does not tell how long
   * records have left.
   */
  lastSeenAt: Date | undefined;
  /** When the session ends if it is not used again. `undefined` if the store does not tell, or the record has no end. */
  expiresAt: Date | undefined;
  /** Number of bytes of the session's JSON. */
  bytes: number;
  /** The session, as `store.get(sid)` returns it. Only with the option `data`. */
  data?: Session;
}

/** Options of `store.count()`. `null` and `undefined` mean "not given". */
export interface CountOptions {
  /** Stops the walk: the call fails with the signal's reason. Default: none. */
  signal?: AbortSignal | null | undefined;
}

/** Options of `store.sessions()`. `null` and `undefined` mean "not given". */
export interface WalkOptions extends CountOptions {
  /**
   * Only the sessions of this user, a string or a number. With the option `user` of the Store, looks at all sessions;
   * without it, at those that the index of the user lists. Default: all sessions.
   */
  user?: unknown;
  /** Whether to return what is in the sessions. Default: `false`. */
  data?: boolean | null | undefined;
}

/** Options of `store.clear()`. `null` and `undefined` mean "not given". */
export interface ClearOptions extends CountOptions {
  /** Ends only the sessions with these handles. Default: all sessions. */
  handles?: readonly string[] | null | undefined;
  /** Called after each page, for which the store has looked at about a thousand records. Default: none. */
  onProgress?: ((progress: ClearProgress) => void) | null | undefined;
}

/** What `store.clear()` has done since its call. */
export interface ClearProgress {
  /** Number of records looked at. One that is written meanwhile may be counted twice. */
  scanned: number;
  /** Number of sessions that have ended. */
  ended: number;
  /** Number of records that stay: they are not sessions, are not among `handles`, or their names could belong to a longer prefix. */
  left: number;
}

/** What is given, checked. */
export interface GivenWalkOptions {
  user: string | undefined;
  data: boolean;
  signal: AbortSignal | undefined;
}

const WALK = ['user', 'data', 'signal'] as const satisfies readonly (keyof WalkOptions)[];
const COUNT = ['signal'] as const satisfies readonly (keyof CountOptions)[];
const CLEAR = ['handles', 'signal', 'onProgress'] as const satisfies readonly (keyof ClearOptions)[];
const KNOWN = { sessions: WALK, count: COUNT, clear: CLEAR };

/** @throws TypeError */
export function expectOptions(method: keyof typeof KNOWN, options: object | null | undefined): void {
  expectWalk(options);
  warnOfUnknown(Object.keys(options ?? {}), { known: KNOWN[method], whose: `the option of \`store.${method}()\` ` });
}

/** @throws TypeError */
export function givenWalkOptions(options: WalkOptions | null | undefined): GivenWalkOptions {
  expectOptions('sessions', options);
  const { user, data, signal } = options ?? {};
  if (isGiven(data)) expectBoolean('data', data);
  return { user: isGiven(user) ? givenUser(user) : undefined, data: data === true, signal: signal ?? undefined };
}
