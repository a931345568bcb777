import type { Session } from '../base/types';
import type { SessionCookie } from '../cookies/session-cookie';
import type { Stored, Version } from '../persistence/records';
import type { SessionData } from '../record/record';
import { isUnchanged, type Snapshot, snapshotOf } from './snapshot';

/** The longest text, in characters, of which a snapshot is taken: of a longer one it would cost a request that writes too much. */
const LONGEST_SNAPSHOT = 2048;

/** The version of a record that a session was made from, or last saved as: its handlers have changed what differs from that. */
export class Baseline implements Version {
  readonly data: SessionData;
  readonly revision: unknown;
  readonly reservedUntil: number | undefined;
  /** Milliseconds that the record had left when it was read, where the store told. */
  readonly ttl: number | undefined;
  /** The cookie in the record. */
  readonly cookieJson: unknown;
  /** Where a client has told an object, it has a text from the first write on. */
  record: string | undefined;
  #text: string | undefined;
  /**
   * Taken when the session is made; `null` where only the text can tell whether it has changed. What a client has not told as a text may
   * be its own, and hold anything.
   */
  #snapshot: Snapshot | null | undefined;

  constructor(version: Version & { ttl?: Stored['ttl'] }, data: SessionData, cookieJson = data['cookie']) {
    this.data = data;
    this.revision = version.revision;
    this.reservedUntil = version.reservedUntil;
    this.ttl = version.ttl;
    this.cookieJson = cookieJson;
    this.record = version.record;
    if (version.record === undefined || version.record.length > LONGEST_SNAPSHOT) this.#snapshot = null;
  }

  /** The text that the session is compared with. */
  get text(): string {
    return this.#text ?? this.record ?? JSON.stringify(this.data);
  }

  /** The session is compared with this text, and not with the record's. */
  compareWith(text: string): void {
    this.#text = text;
    this.#snapshot = null;
  }

  /** Makes the data the session: from now on handlers may change it. */
  open(cookie: SessionCookie): Session {
    const { data } = this;
    this.#text ??= this.text;
    if (Object.isExtensible(data)) data['cookie'] = cookie;
    // Once: a handler may have changed it since.
    if (this.#snapshot === undefined) this.#snapshot = snapshotOf(data, this.record as string);
    return data as Session;
  }

  /** Whether the session is certainly as it was. */
  isUntouched(session: object): boolean {
    return this.#snapshot ? isUnchanged(session, this.#snapshot) : false;
  }
}
