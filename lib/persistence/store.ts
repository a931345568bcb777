import { EventEmitter } from 'node:events';

import copy = require('copy-to');

import { storeLine } from '../base/debug-lines';
import {
  expectBoolean,
  expected,
  expectFunction,
  expectMilliseconds,
  expectString,
  hasMethod,
  isGiven,
} from '../base/expect';
import { idleTimeoutOf, timeLeftOf, ttlOf, whole } from '../base/ttl';
import type { Guarantee, Session, SessionStore, StoreOptions, TokenStore, Ttl } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import { Budget } from '../client/budget';
import { ClientCaller } from '../client/caller';
import { isDisconnected, listenToClient, whyAway } from '../client/connection-events';
import { canCompareAndSet, expectClient, isTokenStore } from '../client/expect-client';
import { ConnectionState, type StoreState } from '../client/status';
import { wrongAttribute } from '../cookies/attributes';
import { mayOutlive, untilEnd } from '../record/expiry-note';
import { parseRecord } from '../record/record';
import { isUnopened } from '../record/unopened';
import { clearSessions } from './clearing';
import { CompareAndSetRecords } from './compare-and-set-records';
import { Endings } from './endings';
import { resolveIds } from './ids-option';
import { LastWriteRecords } from './last-write-records';
import { Names } from './names';
import { OtherNames } from './other-names';
import { canEnd } from './record-ends';
import { RecordMoves } from './record-moves';
import { canEnumerate, RecordWalk } from './record-walk';
import type { Records, TtlOfRecord } from './records';
import { expectWalkable, type WalkRules, walkSessions } from './session-walk';
import { notKept, TokenRecords } from './token-records';
import { canIndex, UserIndex } from './user-index';
import {
  type ClearOptions,
  type CountOptions,
  expectOptions,
  givenWalkOptions,
  type StoredSession,
  type WalkOptions,
} from './walk-options';
import type { UserOf } from './whose';

const DEFAULTS = { prefix: 'koa:sess:', ids: 'plain' as NonNullable<StoreOptions['ids']>, reconnectTimeout: 10_000 };

/** The options of a Store, which the middleware accepts too. */
export const STORE_OPTIONS = [
  'prefix',
  'ids',
  'ttl',
  'absoluteTimeout',
  'broadcastEndings',
  'reconnectTimeout',
  'timeout',
] as const satisfies readonly (keyof StoreOptions)[];

/** The options of a Store alone. The middleware's option `user` means more, and may stand beside a Store. */
const KNOWN = [...STORE_OPTIONS, 'user'] as const satisfies readonly (keyof StoreOptions)[];

/** A store that can replace its connection. */
interface WatchingStore {
  unanswered(ms: number): void;
}

interface ClosableStore extends SessionStore {
  close?(): unknown;
}

/** The events of a {@link Store}. */
export interface StoreEvents {
  /** The client can be called again. */
  connect: [];
  /** The client has lost its connection; the argument is the reason, if the client reported one. */
  disconnect: [error?: unknown];
}

/**
 * Wraps a client that keeps sessions. It adds the prefix to every key, determines each record's ttl, limits the time of
 * every call, and emits the client's `connect` and `disconnect`, one event per change of the connection.
 */
export class Store extends EventEmitter<StoreEvents> {
  /** The client as passed to the constructor. */
  readonly client: SessionStore | TokenStore;
  /** The prefix of every key. */
  readonly prefix: string;
  /** How long one request may wait for this store in all its calls together, in milliseconds. */
  readonly budget: number;
  /** @internal The names under which the store keeps sessions. */
  readonly names: Names;
  /** @internal */
  readonly records: Records;
  /** @internal The indexes of users' sessions, if the client can keep them. */
  readonly index: UserIndex | undefined;
  /** @internal Where sessions are that have not moved to hashed ids, or back, if the options say that they do. */
  readonly otherNames: OtherNames | undefined;
  /** @internal */
  readonly moves: RecordMoves | undefined;
  /** @internal The walk over all records, if the client can list them. */
  readonly walk: RecordWalk | undefined;
  /** @internal Returns the user of a session: the option `user`, or that of the first middleware that uses the Store. */
  user: UserOf | undefined;
  /** @internal What tells all processes of the end of a session, if the options ask for it. */
  readonly endings: Endings | undefined;
  /** @internal Whether sessions are kept in tokens, so that the store keeps nothing. */
  readonly usesTokens: boolean;
  /** @internal Whether sessions end at a fixed time after they began. */
  readonly hasAbsoluteTimeout: boolean;
  readonly #caller: ClientCaller;
  readonly #status: ConnectionState;
  readonly #ttl: Ttl | undefined;
  readonly #absoluteTimeout: Ttl | undefined;
  readonly #ownsClient: boolean;
  readonly #stopListening: () => void;
  #said: keyof StoreEvents | undefined;
  #users = 0;

  /**
   * @param ownsClient whether the client was created for this Store, which then closes it
   * @param name name of the cookie, for a client that keeps sessions in tokens
   * @throws TypeError if the client lacks `get`, `set` or `destroy`, or an option has the wrong type.
   */
  constructor(client: SessionStore | TokenStore, options?: StoreOptions | null, ownsClient = false, name?: string) {
    super();
    expectClient(client);
    const given = resolveStoreOptions(options ?? {});
    const { prefix, ids, user, ttl, absoluteTimeout, broadcastEndings, reconnectTimeout, timeout } = given;
    this.client = client;
    this.user = user;
    this.usesTokens = isTokenStore(client);
    this.prefix = this.usesTokens ? '' : prefix;
    const { areHashed, readOtherUntil } = resolveIds(ids ?? 'plain');
    this.names = new Names(this.prefix, areHashed, readOtherUntil !== undefined);
    this.budget = Math.max(reconnectTimeout, timeout);
    this.#ownsClient = ownsClient;
    this.#ttl = ttl;
    this.#absoluteTimeout = absoluteTimeout;
    this.hasAbsoluteTimeout = absoluteTimeout !== undefined;
    let wasThere = !isDisconnected(client);
    this.#status = new ConnectionState(reconnectTimeout, () => whyAway(client, wasThere));
    this.#caller = new ClientCaller(client, this.#status, timeout, this.prefix, (ms) => {
      if (hasMethod(client, 'unanswered')) (client as unknown as WatchingStore).unanswered(ms);
    });
    // Only an application's function needs more of the session than its cookie.
    const ttlOfRecord = (record: string, cookie?: string) =>
      this.ttlOf(
        withLifetime(
          cookie === undefined || typeof ttl === 'function' || typeof absoluteTimeout === 'function'
            ? (parseRecord(record) as Session)
            : { cookie: JSON.parse(cookie) },
        ),
      );
    this.records = recordsOf(client, this.#caller, ttlOfRecord, this.names, name);
    const { records } = this;
    this.index =
      records instanceof CompareAndSetRecords && canIndex(client)
        ? new UserIndex(client, records, this.#caller, this.prefix)
        : undefined;
    if (readOtherUntil !== undefined) {
      const canMove =
        records instanceof CompareAndSetRecords && !isTokenStore(client) && canCompareAndSet(client) && canEnd(client);
      if (!canMove) throw cannotMove();
      this.otherNames = new OtherNames(records, this.names, readOtherUntil);
      this.moves = new RecordMoves(client, this.#caller, ttlOfRecord);
    }
    if (broadcastEndings && this.usesTokens) throw nothingToHear();
    this.endings = broadcastEndings ? new Endings({ client, caller: this.#caller, store: this }) : undefined;
    this.walk = canEnumerate(client) ? new RecordWalk(client, this.#caller, this.prefix) : undefined;
    this.#stopListening = listenToClient(client, {
      connected: () => {
        wasThere = true;
        this.#say('connect');
      },
      disconnected: () => this.#say('disconnect'),
      failed: (error) => this.#status.failed(error),
    });
    if (!wasThere) this.#status.lost();
  }

  /**
   * `'compare-and-set'` if the client supports it: processes then lose no changes of each other. Otherwise
   * `'last-write'`.
   */
  get guarantee(): Guarantee {
    return this.records.guarantee;
  }

  /** State of the store: `available`, `pending` (waiting for a reconnect), `unavailable` or `closed`. */
  get status(): StoreState {
    return this.#status.state;
  }

  /** Whether records report their remaining lifetime, which `renew` needs. */
  get knowsTtl(): boolean {
    return this.usesTokens || this.guarantee === 'compare-and-set';
  }

  /**
   * Returns the session stored under a session id; `null` or `undefined`, as the client returns it, if there is none.
   *
   * @throws {@link StoreError} if the client fails, does not answer or is not connected.
   */
  async get(sid: string): Promise<Session | null | undefined> {
    const { client } = this;
    if (isTokenStore(client)) throw notKept();
    const key = this.keyOf(sid);
    storeLine('get');
    if (this.otherNames !== undefined) return this.#getEither(sid, this.otherNames);
    const answer = await this.#caller.call<unknown>('get', 'get', this.newBudget(), () => client.get(key), key);
    const session = mayOutlive(client) ? untilEnd(answer) : answer;
    return isUnopened(session) ? undefined : withDates(session as Session | null | undefined);
  }

  /**
   * Stores a session under a session id for `ttl` milliseconds; by default, for the lifetime given by the options and
   * the session's cookie. A session that has already expired is destroyed.
   *
   * @throws {@link StoreError} if the client fails, does not answer or is not connected.
   *
   * @throws {@link SessionError} `ERR_SESSION_TTL` if the ttl is not a finite number.
   */
  async set(sid: string, session: Session, ttl?: number | null): Promise<void> {
    const isGivenTtl = ttl !== undefined && ttl !== null && ttl !== 0;
    const ms = isGivenTtl ? whole(ttl, '`ttl`') : this.ttlOf(session);
    if (ms <= 0) return this.destroy(sid);
    storeLine('set for %d ms', ms);
    if (this.usesTokens) throw notKept();
    const budget = this.newBudget();
    await this.records.set(this.keyOf(sid), session, ms, budget);
    // The other one would come back once this one has ended.
    if (this.records instanceof CompareAndSetRecords && this.names.areMixed) {
      await this.records.endUnseen(this.names.otherKeyOf(sid), budget);
    }
  }

  /**
   * Removes the session stored under a session id, if there is one.
   *
   * @throws {@link StoreError} if the client fails, does not answer or is not connected.
   */
  async destroy(sid: string): Promise<void> {
    if (this.usesTokens) throw notKept();
    storeLine('destroy');
    await this.destroyAll(sid, this.newBudget());
  }

  /**
   * Finds all sessions that are stored, or those of a user, one by one and in no order, beside traffic and in bounded memory. A session that
   * is there all the time is found. One that gets a new id meanwhile is found once, unless 100 000 others lie between.
   *
   * Throws a {@link StoreError} while walking if the store fails, does not answer in time or is not connected; each call to the
   * store has a separate time limit.
   *
   * @throws TypeError if the store cannot list its records, an option has the wrong type, or a user's sessions cannot be told from others.
   *
   * @throws SessionError `ERR_SESSION_NOT_KEPT` if sessions are kept in tokens.
   */
  sessions(options: WalkOptions & { data: true }): AsyncGenerator<StoredSession & { data: Session }, void, undefined>;
  sessions(options?: WalkOptions | null): AsyncGenerator<StoredSession, void, undefined>;
  /** @throws TypeError */
  sessions(options?: WalkOptions | null): AsyncGenerator<StoredSession, void, undefined> {
    const given = givenWalkOptions(options);
    return walkSessions(given, this.#walkRules(given.user));
  }

  /**
   * The number of sessions that {@link Store.sessions} finds. It reads every record once.
   *
   * @throws {@link StoreError} by rejection, if the store fails, does not answer in time or is not connected.
   *
   * @throws TypeError by rejection, if the store cannot list its records, or an option has the wrong type.
   *
   * @throws SessionError `ERR_SESSION_NOT_KEPT` by rejection, if sessions are kept in tokens.
   */
  async count(options?: CountOptions | null): Promise<number> {
    expectOptions('count', options);
    let count = 0;
    for await (const _ of this.sessions({ signal: options?.signal })) count += 1;
    return count;
  }

  /**
   * Ends all sessions that are stored, each as a logout does, and resolves to their number. On a `'compare-and-set'` store, no request that
   * is running brings one back. A session that begins during the walk may stay: call it again. If it fails or is aborted, the sessions that it has
   * come to have ended.
   *
   * Ends no session whose key could belong to a longer prefix, and warns of those.
   *
   * @throws {@link StoreError} by rejection, if the store fails, does not answer in time or is not connected.
   *
   * @throws TypeError by rejection, if the store cannot list its records, or an option has the wrong type.
   *
   * @throws SessionError `ERR_SESSION_NOT_KEPT` by rejection, if sessions are kept in tokens.
   */
  async clear(options?: ClearOptions | null): Promise<number> {
    expectOptions('clear', options);
    return clearSessions(options ?? {}, this.#walkRules());
  }

  #walkRules(user?: string): WalkRules {
    if (this.usesTokens) throw notKept();
    const rules = { store: this, user: this.user };
    expectWalkable({ user }, rules);
    return rules;
  }

  /** @internal Removes the session, wherever it is. */
  async destroyAll(sid: string, budget: Budget): Promise<void> {
    for (const key of this.names.keysOf(sid)) await this.records.destroy(key, budget);
  }

  async #getEither(sid: string, otherNames: OtherNames): Promise<Session | undefined> {
    const budget = this.newBudget();
    const { loaded } = await otherNames.find(sid, this.records.load(this.keyOf(sid), budget, false), budget);
    return loaded.found === 'session' ? withDates(loaded.data as unknown as Session) : undefined;
  }

  /** The client's key for a session id: with `ids: 'hashed'`, that of its hash. */
  keyOf(sid: string): string {
    return this.names.keyOf(sid);
  }

  /**
   * Lifetime of the session's record in milliseconds; zero or less means that the session has expired.
   *
   * @throws {@link SessionError} `ERR_SESSION_TTL` if it is not a finite number.
   */
  ttlOf(session: Session): number {
    return ttlOf(session, this.#ttl, this.#absoluteTimeout);
  }

  /** @internal Milliseconds from a use of the session to its end, if nothing ends it earlier; `Infinity` if it always ends at a fixed time. */
  idleTimeoutOf(session: Session): number {
    return idleTimeoutOf(session, this.#ttl, () => Number.POSITIVE_INFINITY);
  }

  /** @internal Milliseconds until the session reaches its absolute timeout; `Infinity` without one. */
  timeLeftOf(session: Session): number {
    return timeLeftOf(session, this.#absoluteTimeout);
  }

  /** @internal */
  newBudget(): Budget {
    return new Budget(this.budget);
  }

  /** @internal A middleware uses the store until it calls what this returns. The store closes with its last user. */
  acquire(): () => Promise<void> {
    this.#users += 1;
    let isReleased = false;
    return async () => {
      if (isReleased) return;
      isReleased = true;
      this.#users -= 1;
      if (this.#users === 0) await this.close();
    };
  }

  /**
   * Stops listening to the client and fails the requests that wait for it. Does not close a client that you passed in;
   * close it yourself.
   */
  async close(): Promise<void> {
    this.#stopListening();
    const told = this.endings?.close();
    this.#status.close();
    await told;
    if (this.#ownsClient) await (this.client as ClosableStore).close?.();
  }

  #say(event: keyof StoreEvents): void {
    if (event === 'connect') this.#status.regained();
    else this.#status.lost();
    if (this.#said === event) return;
    this.#said = event;
    storeLine(event);
    if (event === 'connect') this.emit(event);
    else this.emit(event, this.#status.cause);
  }
}

function recordsOf(
  client: SessionStore | TokenStore,
  caller: ClientCaller,
  ttlOf: TtlOfRecord,
  names: Names,
  name: string | undefined,
): Records {
  if (isTokenStore(client)) {
    if (name !== undefined) return new TokenRecords(client, caller, ttlOf, name);
    throw new TypeError(
      'Expected `client` to keep sessions, got one whose sessions travel in the cookie: pass it directly, `session({ store })`',
    );
  }
  return canCompareAndSet(client)
    ? new CompareAndSetRecords(client, caller, ttlOf, names)
    : new LastWriteRecords(client, caller, ttlOf, names);
}

function cannotMove(): TypeError {
  return new TypeError(
    'Expected `store` to move sessions without losing any, since `ids` has a date: use redisStore(), knexStore(), a MemoryStore, or a store with the methods of a CompareAndSetStore and an EndingStore',
  );
}

function nothingToHear(): TypeError {
  return new TypeError(
    'Expected `broadcastEndings` not to be given, since the sessions of this `store` travel in the cookie: nobody can tell when one ends',
  );
}

function resolveStoreOptions(options: StoreOptions) {
  if (typeof options !== 'object' || Array.isArray(options)) throw expected('options', 'an object', options);
  warnOfUnknown(Object.keys(options), { known: KNOWN, whose: "the Store's option " });
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => isGiven(value))) as {
    prefix?: string;
    ids?: NonNullable<StoreOptions['ids']>;
    ttl?: Ttl;
    user?: UserOf;
    absoluteTimeout?: Ttl;
    broadcastEndings?: boolean;
    reconnectTimeout?: number;
    timeout?: number;
  };
  const { prefix, ids, user, ttl, absoluteTimeout, broadcastEndings, reconnectTimeout, timeout } = copy(DEFAULTS).to({
    ...given,
  });
  if (broadcastEndings !== undefined) expectBoolean('broadcastEndings', broadcastEndings);
  expectString('prefix', prefix);
  if (user !== undefined) expectFunction('user', user);
  for (const [name, value] of Object.entries({ ttl, absoluteTimeout })) {
    if (value === undefined || typeof value === 'function' || (Number.isFinite(value) && value >= 0)) continue;
    throw expected(name, 'a positive number of milliseconds or a function that returns one', value);
  }
  expectMilliseconds('reconnectTimeout', reconnectTimeout, 0);
  if (timeout !== undefined) expectMilliseconds('timeout', timeout, 1);
  return {
    prefix,
    ids,
    user,
    ttl,
    absoluteTimeout,
    broadcastEndings: broadcastEndings === true,
    reconnectTimeout,
    timeout: timeout ?? (reconnectTimeout || DEFAULTS.reconnectTimeout),
  };
}

/** A record may contain an invalid lifetime; it then counts as having none, as it does for readers. */
function withLifetime(session: Session): Session {
  const { cookie } = withDates(session);
  for (const name of ['maxAge', 'expires'] as const) {
    if (cookie && wrongAttribute(name, cookie[name]) !== undefined) delete cookie[name];
  }
  return session;
}

/** JSON has no dates, but readers of a cookie expect one. */
function withDates<S extends Session | null | undefined>(session: S): S {
  const cookie = session?.cookie;
  if (typeof cookie?.expires === 'string') cookie.expires = new Date(cookie.expires);
  return session;
}
