import type { SessionStore } from '../middleware/engine';

/** A client under test. */
export interface Subject {
  /** The client, as passed to the option `store`. */
  client: SessionStore;
  /**
   * Returns the remaining lifetime of a key in milliseconds, as the storage system reports it. Without this method,
   * cases measure by waiting.
   */
  ttlLeft?(key: string): number | Promise<number>;
  /** Ends the client. Called after its case, passed or failed. */
  end?(): unknown;
}

/** Creates a client, alone or with methods that help to test it. */
export type MakeClient = () => SessionStore | Subject | Promise<SessionStore | Subject>;

/** Accepts a client alone, too. The client may itself have a property `client`. */
export function asSubject(made: SessionStore | Subject): Subject {
  const { get, client } = (made ?? {}) as Partial<SessionStore & Subject>;
  return typeof get !== 'function' && client !== undefined ? (made as Subject) : { client: made as SessionStore };
}
