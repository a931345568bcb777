import type Koa = require('koa');

import type { Application, OnConflict, SessionOptions } from '../base/types';
import type { CookieOf, FullIdStore } from '../cookies/id-store';
import type { Enroll } from '../persistence/records';
import type { Store } from '../persistence/store';
import type { SessionData } from '../record/record';
import type { UserRules } from '../users/rules';

/**
 * How sessions appear to handlers, and what their records contain. Without a codec, session and record are plain
 * objects with the cookie inside.
 */
export interface SessionCodec {
  /** Creates the session for handlers: from a record's content, from an assigned object, or a new one. */
  make(data: SessionData | undefined): object;
  /** The contents of the record: the same text as long as no handler changes the session. */
  toData(session: object): SessionData;
  /** The data of a record, without its notes about the lifetime. */
  dataOf(record: SessionData): SessionData;
  /** Whether a new session has nothing worth storing. */
  isEmpty(session: object): boolean;
  /** Whether a stored session may be used. A refused one stays stored, and the visitor gets a new one. */
  accepts(data: SessionData, sid: string): boolean | Promise<boolean>;
}

/** The option `renewId`, completed. */
export interface Renewal {
  /** Age of an id in milliseconds after which it is renewed. */
  readonly after: number;
  /** How long requests with the old id still work on the session, in milliseconds. */
  readonly grace: number;
}

/** The options of the middleware as the session needs them, complete and checked. */
export interface SessionSettings extends Readonly<Pick<Callbacks, 'genSid' | 'errorHandler' | 'valid' | 'beforeSave'>> {
  readonly key: string;
  readonly store: Store;
  readonly cookieOf: CookieOf;
  readonly idStore: FullIdStore;
  /**
   * Whether the package itself sets the headers with the id, which must happen before the response headers are sent.
   */
  readonly sendsCookie: boolean;
  readonly defer: boolean;
  readonly rolling: boolean;
  readonly allowEmpty: boolean;
  readonly autoCommit: boolean;
  /** The fraction of the ttl below which reading a session extends it. */
  readonly renew: number | undefined;
  /**
   * Whether a record is parsed only when a handler asks for its content: saves requests that do not 5 µs at 1 kB
   * (`npm run bench`, untouched). With `allowEmpty`, a visitor whose record is not a session gets one without asking.
   */
  readonly mayStayUnread: boolean;
  readonly onConflict: OnConflict;
  readonly app: Application | undefined;
  /** When a session gets a new id because of its age. */
  readonly renewal: Renewal | undefined;
  /** Whether records note when their session began. */
  readonly notesBeginning: boolean;
  /** The options about users, if the store lists their sessions. */
  readonly users: UserRules | undefined;
  /**
   * Lists a record that several requests have written together, if its user is another than that of the record before.
   * `false`: it must not be written.
   */
  readonly enrollMerged: Enroll | undefined;
  /** How sessions appear, if not in this package's form. */
  readonly shapeOf: ((ctx: Koa.Context) => SessionCodec) | undefined;
  /** Whether a session set to null also clears the visitor's id if there was no session. */
  readonly clearsAlways: true | undefined;
  /** Whether a session that a request has emptied ends, unless another request has added data. */
  readonly endsEmptied: true | undefined;
}

type Callbacks = { [Name in keyof SessionOptions]-?: NonNullable<SessionOptions[Name]> | undefined };
