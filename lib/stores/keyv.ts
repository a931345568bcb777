import { expected, expectMethods } from '../base/expect';
import type { Session, SessionStore } from '../base/types';
import { WrappedConnection } from '../client/wrapped-connection';
import { parseRecord } from '../record/record';

/** An instance of Keyv, as far as it is used here. */
export interface KeyvLike {
  /** What is stored under `key`. */
  get(key: string): PromiseLike<unknown>;
  /** Stores a value for `ttl` milliseconds. */
  set(key: string, value: unknown, ttl?: number): PromiseLike<unknown>;
  /** Removes what is stored under `key`. */
  delete(key: string): PromiseLike<unknown>;
}

const wrapped = new WeakMap<object, KeyvClient>();

/** A client around an instance of Keyv; see {@link fromKeyv}. */
export class KeyvClient extends WrappedConnection implements SessionStore {
  /** The instance as it was given. */
  readonly keyv: KeyvLike;

  /** @throws TypeError where `keyv` is no instance of Keyv, or one that keeps its failures to itself. */
  constructor(keyv: KeyvLike) {
    super(adapterOf(keyv));
    this.keyv = keyv;
  }

  /** The session under `key`; `undefined` where there is none. */
  async get(key: string): Promise<Session | undefined> {
    const found = (await this.keyv.get(key)) ?? undefined;
    return (typeof found === 'string' ? (parseRecord(found) ?? found) : found) as Session | undefined;
  }

  /**
   * Stores a session for `ttl` milliseconds, as JSON has it.
   *
   * @throws Error where Keyv says that it could not.
   */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    if ((await this.keyv.set(key, asJson(session), ttl)) === false) throw new Error('Keyv could not store the session');
  }

  /**
   * Removes the session under `key`.
   *
   * @throws Error where it is still there afterwards.
   */
  async destroy(key: string): Promise<void> {
    if ((await this.keyv.delete(key)) !== false) return;
    // It says so of what is missing, and some adapters of what they could not delete.
    if ((await this.get(key)) !== undefined) throw new Error('Keyv could not delete the session');
  }
}

/**
 * Makes an instance of Keyv a client for the option `store`. An instance that is given again gets the same client, so that all
 * who share it know of each other's writes.
 *
 * @throws TypeError where `keyv` is no instance of Keyv, or one that keeps its failures to itself.
 */
export function fromKeyv(keyv: KeyvLike): KeyvClient {
  const known = wrapped.get(keyv);
  if (known !== undefined) return known;
  const client = new KeyvClient(keyv);
  wrapped.set(keyv, client);
  return client;
}

/**
 * What JSON keeps of a session. Keyv's own serialiser drops holes and functions from lists, turns a Buffer into another kind of
 * value, and calls whatever an object has under the name `toJSON`: such a session is given as text.
 */
function asJson(session: Session): unknown {
  const text = JSON.stringify(session);
  return text.includes('"toJSON":') ? text : JSON.parse(text);
}

/** What Keyv stands on. @throws TypeError */
function adapterOf(keyv: KeyvLike): object {
  expectMethods('keyv', keyv, ['get', 'set', 'delete']);
  const { opts, serialize } = keyv as { opts?: { store?: object }; serialize?: unknown };
  const adapter = opts?.store;
  if (adapter === undefined) {
    throw expected('keyv', 'an instance of Keyv: `new Keyv({ store: adapter, throwOnErrors: true })`', keyv);
  }
  // Whoever gets a session would have the very object that others work on.
  if ('serialize' in keyv && typeof serialize !== 'function') throw expected('keyv.serialize', 'a function', serialize);
  expectToThrow('keyv', keyv, 'new Keyv({ store, throwOnErrors: true })');
  expectToThrow('keyv.store', adapter, 'new KeyvRedis(url, { throwOnErrors: true })');
  return adapter;
}

/** Without it Keyv 5 and some of its adapters answer to a failing `get` as if nothing were stored. @throws TypeError */
function expectToThrow(name: string, keyv: object, how: string): void {
  const { throwOnErrors } = keyv as { throwOnErrors?: unknown };
  if (throwOnErrors === undefined || throwOnErrors === true) return;
  throw expected(`${name}.throwOnErrors`, `true, or a failure looks like a missing session: \`${how}\``, throwOnErrors);
}
