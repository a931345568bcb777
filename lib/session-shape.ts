import type { SessionData } from './record';

/**
 * What the sessions of a request look like to its handlers, and what their records hold. Without a shape a session is a plain
 * object with its cookie inside, and so is its record.
 */
export interface SessionShape {
  /** The session for handlers: of a record's content, or of an object that one assigned; without either a new one. */
  make(data: SessionData | undefined): object;
  /** Lets a session hold what its record does by now, with other requests' changes; it stays the same object. */
  refill(session: object, data: SessionData): void;
  /** What the record is to hold: the same text as long as no handler has changed the session. */
  toData(session: object): SessionData;
  /** Whether a new session holds nothing that would be worth a record. */
  isEmpty(session: object): boolean;
  /** Whether a stored session may be used. One that may not stays stored, and the visitor gets a new one. */
  accepts(data: SessionData, sid: string): boolean | Promise<boolean>;
}
