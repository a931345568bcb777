import type Koa = require('koa');

import type { Application, OnConflict, SessionOptions } from '../base/types';
import type { CookieOf, FullIdStore } from '../cookies/id-store';
import type { Store } from '../persistence/store';
import type { SessionData } from '../record/record';
import type { UserRules } from '../users/rules';

/**
 * What the sessions of a request look like to its handlers, and what their records hold. Without a shape a session is a plain
 * object with its cookie inside, and so is its record.
 */
export interface SessionCodec {
  /** The session for handlers: of a record's content, or of an object that one assigned; without either a new one. */
  make(data: SessionData | undefined): object;
  /** Lets a session hold what its record does by now, with other requests' changes; it stays the same object. */
  refill(session: object, data: SessionData): void;
  /** What the record is to hold: the same text as long as no handler has changed the session. */
  toData(session: object): SessionData;
  /** What a record holds, but for what says how long it lives. */
  dataOf(record: SessionData): SessionData;
  /** Whether a new session holds nothing that would be worth a record. */
  isEmpty(session: object): boolean;
  /** Whether a stored session may be used. One that may not stays stored, and the visitor gets a new one. */
  accepts(data: SessionData, sid: string): boolean | Promise<boolean>;
}

/** The option `renewId`, complete. */
export interface Renewal {
  /** Milliseconds after which an id is renewed. */
  readonly after: number;
  /** Milliseconds for which requests with the old id still work on the session. */
  readonly grace: number;
}

/** What the session of a request depends on: the options of its middleware, complete and checked. */
export interface SessionSettings extends Readonly<Pick<Callbacks, 'genSid' | 'errorHandler' | 'valid' | 'beforeSave'>> {
  readonly key: string;
  readonly store: Store;
  readonly cookieOf: CookieOf;
  readonly idStore: FullIdStore;
  /** Whether the package sets the headers with the id itself: it has to do so before the response's head is sent. */
  readonly sendsCookie: boolean;
  readonly defer: boolean;
  readonly rolling: boolean;
  readonly allowEmpty: boolean;
  readonly autoCommit: boolean;
  /** The fraction of the ttl left under which a session that is read is extended. */
  readonly renew: number | undefined;
  readonly onConflict: OnConflict;
  readonly app: Application | undefined;
  /** When a session gets a new id because of its age. */
  readonly renewal: Renewal | undefined;
  /** Whether records note when their session began. */
  readonly notesBeginning: boolean;
  /** What the options say about users, if the store lists their sessions. */
  readonly users: UserRules | undefined;
  /** What the sessions of a request look like, if not as this package shows them. */
  readonly shapeOf: ((ctx: Koa.Context) => SessionCodec) | undefined;
  /** Whether a session set to null also clears the visitor's id if there was no session. */
  readonly clearsAlways: true | undefined;
  /** Whether a session that a request has emptied ends with it, unless another request has put something into it. */
  readonly endsEmptied: true | undefined;
}

type Callbacks = { [Name in keyof SessionOptions]-?: NonNullable<SessionOptions[Name]> | undefined };
