import type { SessionStore } from '../middleware/engine';

/** A client on trial. */
export interface Subject {
  /** The client, as it is given for the option `store`. */
  client: SessionStore;
  /** Milliseconds that a key has left, by the word of the system that holds it. Without it, time is told by waiting. */
  ttlLeft?(key: string): number | Promise<number>;
  /** Ends the client. Called after its case, passed or failed. */
  end?(): unknown;
}

/** Makes a client, or one with what helps to try it. */
export type MakeClient = () => SessionStore | Subject | Promise<SessionStore | Subject>;

/** The client alone is a subject too. A client may have a `client` of its own. */
export function asSubject(made: SessionStore | Subject): Subject {
  const { get, client } = (made ?? {}) as Partial<SessionStore & Subject>;
  return typeof get !== 'function' && client !== undefined ? (made as Subject) : { client: made as SessionStore };
}
