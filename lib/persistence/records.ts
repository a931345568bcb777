import type { Guarantee, OnConflict } from '../base/types';
import type { Budget } from '../client/budget';
import type { Change } from '../record/merge';
import type { Marker, SessionData } from '../record/record';

/** A version of a session's record. `record` is undefined where the client gave an object that nobody has serialised yet. */
export interface Version {
  record: string | undefined;
  revision: unknown;
  /** The token of this version, which the visitor has in place of an id, if records are kept in tokens. */
  token?: string | undefined;
  /** The text of the cookie in it, where that is known without parsing the record. */
  cookie?: string | undefined;
  /** Until when another writer has asked others to stand back, on the clock of `performance.now()`. */
  reservedUntil?: number | undefined;
  /** How many attempts it took to store it, if more than one. */
  attempts?: number | undefined;
}

/** A record that looks like a session's, and that nobody has read as yet. */
export interface Unread extends Version {
  record: string;
  /** Milliseconds that the record had left, where the store told. */
  ttl: number | undefined;
}

/** What loading a record came to. */
export type Loaded =
  | ({ found: 'session'; data: SessionData; ttl: number | undefined } & Version & {
        /** The session's own id, if it came in a token. */
        sid?: string;
      })
  | ({ found: 'unread' } & Unread)
  | { found: 'nothing' }
  /** Another request has moved the session under a new id, which `marker` tells where it is known. */
  | { found: 'regenerated'; marker?: Marker | undefined }
  /** Something is there, but no session: it may be somebody else's. */
  | { found: 'invalid'; value: unknown };

/** A session on its way into the store. */
export interface Draft {
  /** The session's text. */
  record: string;
  /** Milliseconds that the record is to live. */
  ttl: number;
  /** The same as a plain object, for clients that take objects. */
  plain(): SessionData;
}

/** A commit: what this request did to a record that exists. */
export interface Commit extends Draft {
  change: Change;
  onConflict: OnConflict;
}

/** Sees the record that is about to end; where it throws, the record stays as it is. */
export type Accept = (record: string) => void;

/** What became of a record that was to go out of use: done, or another request has regenerated or ended it before. */
export type Taken = 'taken' | 'regenerated' | 'gone';

/** The session that takes a regenerated one's place, and that nobody but this request knows of as yet. */
export interface Successor {
  sid: string;
  key: string;
  version: Version;
}

/**
 * Applies to the text of the record that is stored now, and gives the text that is to be stored instead, with the stamp of the swap that
 * is about to be tried.
 */
export type Edit = (current: string, stamp: string) => string | Promise<string>;

/**
 * The records of a store, or those in tokens. Keys include the prefix. The answer `undefined` means that the record is gone:
 * destroyed, regenerated or expired. Every method is bounded by the budget, and rejects with a StoreError if the store fails.
 * Records that lack an optional method cannot do what it does, and have no need of it.
 */
export interface Records {
  readonly guarantee: Guarantee;
  /**
   * If records are kept in tokens, the key is the token.
   *
   * @param mayStayUnread whether a record that looks like a session's need not be read
   */
  load(key: string, budget: Budget, withTtl: boolean, mayStayUnread?: boolean): Promise<Loaded>;
  /** Whether so many requests load the record at the same time that this one has to wait its turn. */
  isCrowded?(key: string): boolean;
  /** Answers `undefined` where another record has the key. */
  create(key: string, draft: Draft, budget: Budget): Promise<Version | undefined>;
  write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined>;
  /** Like {@link write}, but with a function that may see any version of the record, several times. */
  edit(key: string, edit: Edit, from: Version, budget: Budget): Promise<Version | undefined>;
  /** Extends the record; `false` if it is gone. Records in tokens answer with the new version. */
  touch(key: string, ttl: number, from: () => Version, budget: Budget): Promise<boolean | Version>;
  /**
   * Takes the record out of use, whatever others write: the session named `successor`, which is stored already, takes its place without
   * its data.
   *
   * @param from what this request has read of the record, if it has
   */
  take(key: string, successor: string, from: Version | undefined, budget: Budget): Promise<Taken>;
  /**
   * Takes the record out of use, and the successor takes over its data: what others have stored by then gets into the successor first.
   * Answers with the successor's version. Where it fails, the record stays in use.
   *
   * @param commit what this request did to the session, as the successor holds it
   */
  rotate(
    key: string,
    from: Version,
    successor: Successor,
    commit: Commit,
    budget: Budget,
  ): Promise<Version | Exclude<Taken, 'taken'>>;
  /**
   * Destroys the record, whatever others write; where it was moved under another id with its data, the session there. `false` where
   * another request has ended it before.
   *
   * @param from what this request has read of the record, if it has
   */
  end(key: string, from: Version | undefined, budget: Budget): Promise<boolean>;
  /**
   * As {@link end}, but only if `accept` does not throw for the record's last version. Others cannot keep it from ending: if they go on
   * writing, or the store cannot compare, it ends unseen.
   */
  endIf(key: string, from: Version, budget: Budget, accept: Accept): Promise<boolean>;
  /** Whether this process knows that the record has ended; the store is not asked. */
  hasEnded?(key: string, from: Version): boolean | Promise<boolean>;
  /** Destroys what is stored under the key, whoever has stored it. */
  destroy?(key: string, budget: Budget): Promise<void>;
  /** Stores a session whatever is stored already. */
  set?(key: string, session: object, ttl: number, budget: Budget): Promise<void>;
  /** What this process notes of a record while a request works on it. Held until it is released. */
  noted?(version: Version): object;
  /** A request that loaded or created a version of the record is done with it; it says so once for each version. */
  release?(noted: object): void;
}

/** Finds how many milliseconds a record is to live from its text; with the text of its cookie, where that is known, a good deal sooner. */
export type TtlOfRecord = (record: string, cookie?: string) => number;

/** Milliseconds for which a regenerated session id is remembered, so that late requests cannot replace the new one. */
export const REMEMBERED_FOR = 60_000;

/** Finds a session's key by its id. */
export type KeyOf = (sid: string) => string;
