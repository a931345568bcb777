import type { Guarantee, OnConflict } from '../base/types';
import type { Budget } from '../client/budget';
import { type Marker, readMarker } from '../record/marker';
import type { Change } from '../record/merge';
import type { SessionData } from '../record/record';

/**
 * A version of a session's record. `record` is undefined if the client returned an object that has not been serialized
 * yet.
 */
export interface Version {
  record: string | undefined;
  revision: unknown;
  /** The token of this version, which replaces the id, if records are kept in tokens. */
  token?: string | undefined;
  /** The text of its cookie, if known without parsing the record. */
  cookie?: string | undefined;
  /** Until when another writer has asked others to stand back, on the clock of `performance.now()`. */
  reservedUntil?: number | undefined;
  /** Number of attempts it took to store, if more than one. */
  attempts?: number | undefined;
}

/** A record that looks like a session's and has not been parsed yet. */
export interface Unread extends Version {
  record: string;
  /** Remaining lifetime of the record in milliseconds, if the store reported it. */
  ttl: number | undefined;
}

/** A session's record. */
export interface Stored extends Version {
  data: SessionData;
  /** Remaining lifetime of the record in milliseconds, if the store reported it. */
  ttl: number | undefined;
  /** The session's own id, if it came in a token. */
  sid?: string;
  /** The stamp of a marker under another key, beside which alone this record counts. */
  stamp?: string | undefined;
}

/** The result of loading a record. */
export type Loaded =
  | ({ found: 'session' } & Stored)
  | ({ found: 'unread' } & Unread)
  | { found: 'nothing' }
  /** Another request has moved the session to a new id, given by `marker` if known. */
  | { found: 'regenerated'; marker?: Marker | undefined }
  /** There is a value, but not a session. It may belong to another program. */
  | { found: 'invalid'; value: unknown };

/** A session to be stored. */
export interface Draft {
  /** The session's text. */
  record: string;
  /** Lifetime of the record in milliseconds. */
  ttl: number;
  /** The session as a plain object, for clients that take objects. */
  plain(): SessionData;
}

/** This request's change to an existing record. */
export interface Commit extends Draft {
  change: Change;
  onConflict: OnConflict;
  /** Called before a merged text is stored under the key; `false`: it must not be stored, and the session is gone. */
  enroll?: Enroll | undefined;
  /** Called before an attempt on a version other than the first, if the request logs in. */
  enter?: Enter | undefined;
}

/** Lists the record again before another attempt; `false`: the session is gone for this request. */
export type Enter = () => Promise<boolean>;

/** Lists a merged record in the index of its user. */
export type Enroll = (record: string, key: string) => Promise<boolean>;

/** A request that loads a record. */
export interface Waiter {
  crowded(): void;
}

/** Receives the record that is about to end. If it throws, the record stays. */
export type Accept = (record: string) => void;

/** The result of retiring a record: done, or another request has regenerated or ended it first. */
export type Taken = 'taken' | 'regenerated' | 'gone';

/** The session that replaces a regenerated one. Only this request knows of it yet. */
export interface Successor {
  sid: string;
  key: string;
  version: Version;
  /** The id that the session has before. */
  before: string;
  /** Whether the session only gets a new id because the old one is too old. */
  isRenewal?: boolean | undefined;
}

/** Receives the stored text and the stamp of the next swap, and returns the text to store. */
export type Edit = (current: string, stamp: string) => string | Promise<string>;

/**
 * The records of a store, or those in tokens. Keys include the prefix. `undefined` as a result means that the record is
 * gone: destroyed, regenerated or expired. The budget limits every method, and each rejects with a StoreError if the
 * store fails. Records that lack an optional method do not need it.
 */
export interface Records {
  readonly guarantee: Guarantee;
  /**
   * If records are kept in tokens, the key is the token.
   *
   * @param mayStayUnread whether a record that looks like a session's need not be parsed
   * @param waiter told if so many requests load the record that this one must wait
   */
  load(key: string, budget: Budget, withTtl: boolean, mayStayUnread?: boolean, waiter?: Waiter): Promise<Loaded>;
  /** Resolves to `undefined` if another record has the key. */
  create(key: string, draft: Draft, budget: Budget): Promise<Version | undefined>;
  write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined>;
  /** Like {@link write}, but with a function that may run several times, on any version of the record. */
  edit(key: string, edit: Edit, from: Version, budget: Budget, enroll?: Enroll): Promise<Version | undefined>;
  /** Extends the record; resolves to `false` if it is gone. Records in tokens resolve to the new version. */
  touch(key: string, ttl: number, from: () => Version, budget: Budget): Promise<boolean | Version>;
  /**
   * Retires the record, even while others write it. The session with the id `successor`, already stored, replaces it
   * without its data.
   *
   * @param from the version that this request has read, if any
   */
  take(key: string, successor: string, from: Version | undefined, budget: Budget): Promise<Taken>;
  /**
   * Retires the record and moves its data to the successor, including what others have stored so far. Resolves to the
   * successor's version. If it fails, the record stays in use.
   *
   * @param commit this request's change to the session, which the successor already contains
   */
  rotate(
    key: string,
    from: Version,
    successor: Successor,
    commit: Commit,
    budget: Budget,
  ): Promise<Version | Exclude<Taken, 'taken'>>;
  /**
   * Destroys the record, even while others write it. If it was moved to another id with its data, destroys the session
   * there. Resolves to `false` if another request has ended it first.
   *
   * @param from the version that this request has read, if any
   */
  end(key: string, from: Version | undefined, budget: Budget): Promise<boolean>;
  /**
   * Like {@link end}, unless `accept` throws on the record's last version. If others keep writing, or the store cannot
   * compare, the record ends unseen.
   */
  endIf(key: string, from: Version, budget: Budget, accept: Accept): Promise<boolean>;
  /** Whether this process knows that the record has ended. Does not call the store. */
  hasEnded(key: string, from: Version): boolean | Promise<boolean>;
  /** Destroys the value under the key, whatever it is. */
  destroy(key: string, budget: Budget): Promise<void>;
  /** Stores a session, whatever is stored already. */
  set(key: string, session: object, ttl: number, budget: Budget): Promise<void>;
  /** What this process notes about a record that a request uses, until it is released. */
  noted(version: Version): object | undefined;
  /** Called once per version, when the request that loaded or created it has finished. */
  release(noted: object): void;
}

/**
 * Returns the lifetime of a record in milliseconds, given its text; much faster if given the text of its cookie too.
 */
export type TtlOfRecord = (record: string, cookie?: string) => number;

/**
 * How long a regenerated session id is remembered, in milliseconds, so that late requests cannot replace the new one.
 */
export const REMEMBERED_FOR = 60_000;

/**
 * How long an id that was renewed because of its age is remembered, in milliseconds: using it after the grace suggests
 * a stolen cookie. A session that has moved to another key stays there for as long: if the process dies that moved it,
 * the copy under the new key counts only beside the marker.
 */
const LONG_REMEMBERED_FOR = 60 * 60 * 1000;

/** How long a marker stays, in milliseconds. */
export function lifetimeOf(marker: string): number {
  const { isMove, renewedAt } = readMarker(marker) ?? {};
  return isMove || renewedAt !== undefined ? LONG_REMEMBERED_FOR : REMEMBERED_FOR;
}
