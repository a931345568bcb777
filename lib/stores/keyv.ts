import { expected, expectMethods } from '../base/expect';
import { recordKeys } from '../base/record-keys';
import type { EnumerableStore, KeysFound, Session, SessionStore } from '../base/types';
import { WrappedConnection } from '../client/wrapped-connection';
import { parseRecord } from '../record/record';

/** The methods of a Keyv instance that this package calls. */
export interface KeyvLike {
  /** Returns the value stored under `key`. */
  get(key: string): PromiseLike<unknown>;
  /** Stores a value for `ttl` milliseconds. */
  set(key: string, value: unknown, ttl?: number): PromiseLike<unknown>;
  /** Removes the value stored under `key`. */
  delete(key: string): PromiseLike<unknown>;
  /** Returns all keys, each with its value, if the adapter can list them. */
  iterator?: unknown;
}

/** Returns keys, as Keyv or its adapter names them, with what is stored. */
type Entries = (namespace?: unknown) => AsyncIterable<readonly [key: unknown, value: unknown]>;

interface IterableKeyv {
  iterator: Entries;
  opts: { store: { iterator?: Entries } };
  /** Keyv 5 has it. */
  generateIterator?: (entries: Entries) => Entries;
  /** The first releases of Keyv 5 lack it. */
  serializeData?: (entry: { value: unknown }) => unknown;
}

const wrapped = new WeakMap<object, KeyvClient>();

/** Adapts a Keyv instance; see {@link fromKeyv}. */
export class KeyvClient extends WrappedConnection implements SessionStore, Partial<EnumerableStore> {
  /** The wrapped instance. */
  readonly keyv: KeyvLike;
  /** Returns all keys that start with `prefix`, at once. Present if Keyv has an iterator, which depends on the adapter. */
  declare readonly keys?: (prefix: string) => Promise<KeysFound>;

  /** @throws TypeError if `keyv` is not a Keyv instance, or hides its failures. */
  constructor(keyv: KeyvLike) {
    super(adapterOf(keyv));
    this.keyv = keyv;
    if (typeof keyv.iterator === 'function') this.keys = (prefix) => keysOf(keyv as unknown as IterableKeyv, prefix);
  }

  /** The kind of the store, for traces and metrics. */
  get kind(): 'keyv' {
    return 'keyv';
  }

  /** Returns the session under `key`; `undefined` if there is none. */
  async get(key: string): Promise<Session | undefined> {
    const found = (await this.keyv.get(key)) ?? undefined;
    return (typeof found === 'string' ? (parseRecord(found) ?? found) : found) as Session | undefined;
  }

  /**
   * Stores a session as JSON for `ttl` milliseconds.
   *
   * @throws Error if Keyv reports that it could not.
   */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    if ((await this.keyv.set(key, asJson(session), ttl)) === false) throw new Error('Keyv could not store the session');
  }

  /**
   * Removes the session under `key`.
   *
   * @throws Error if the session is still there afterwards.
   */
  async destroy(key: string): Promise<void> {
    if ((await this.keyv.delete(key)) !== false) return;
    // `delete` also returns `false` for a missing session, and some adapters for one that they could not delete.
    if ((await this.get(key)) !== undefined) throw new Error('Keyv could not delete the session');
  }
}

/**
 * Adapts a Keyv instance for the option `store`. The same instance always gets the same client, so that all users of
 * the instance share what it knows of pending writes.
 *
 * @throws TypeError if `keyv` is not a Keyv instance, or hides its failures.
 */
export function fromKeyv(keyv: KeyvLike): KeyvClient {
  const known = wrapped.get(keyv);
  if (known !== undefined) return known;
  const client = new KeyvClient(keyv);
  wrapped.set(keyv, client);
  return client;
}

async function keysOf(keyv: IterableKeyv, prefix: string): Promise<KeysFound> {
  const keys: string[] = [];
  for await (const [key] of (await entriesOf(keyv))()) keys.push(...recordKeys([String(key)], prefix));
  return { keys };
}

/**
 * Lists the entries with an empty value. Keyv deletes each expired entry that its iterator finds, and would delete the
 * session that another request stores under the same key at that moment. Keys become text, because a binary column
 * returns bytes, which Keyv does not expect.
 */
async function entriesOf(keyv: IterableKeyv): Promise<Entries> {
  const { store } = keyv.opts;
  if (store.iterator === undefined || keyv.generateIterator === undefined) return keyv.iterator;
  const empty = await keyv.serializeData?.({ value: null });
  return keyv.generateIterator(async function* (namespace) {
    for await (const [key, value] of store.iterator?.(namespace) ?? []) yield [String(key), empty ?? value];
  });
}

/**
 * What JSON keeps of a session. Keyv's serializer drops holes and functions from arrays, changes Buffers, and calls any
 * property named `toJSON`. A session with such values is passed as text.
 */
function asJson(session: Session): unknown {
  const text = JSON.stringify(session);
  return text.includes('"toJSON":') ? text : JSON.parse(text);
}

/**
 * The adapter behind Keyv.
 *
 * @throws TypeError if there is none.
 */
function adapterOf(keyv: KeyvLike): object {
  expectMethods('keyv', keyv, ['get', 'set', 'delete']);
  const { opts, serialize } = keyv as { opts?: { store?: object }; serialize?: unknown };
  const adapter = opts?.store;
  if (adapter === undefined) {
    throw expected('keyv', 'an instance of Keyv: `new Keyv({ store: adapter, throwOnErrors: true })`', keyv);
  }
  // Without a serializer, readers would share one object with those who change it.
  if ('serialize' in keyv && typeof serialize !== 'function') throw expected('keyv.serialize', 'a function', serialize);
  expectToThrow('keyv', keyv, 'new Keyv({ store, throwOnErrors: true })');
  expectToThrow('keyv.store', adapter, 'new KeyvRedis(url, { throwOnErrors: true })');
  return adapter;
}

/**
 * Without `throwOnErrors`, Keyv 5 and some of its adapters report a failed `get` as a missing session.
 *
 * @throws TypeError if it is not set.
 */
function expectToThrow(name: string, keyv: object, how: string): void {
  const { throwOnErrors } = keyv as { throwOnErrors?: unknown };
  if (throwOnErrors === undefined || throwOnErrors === true) return;
  throw expected(`${name}.throwOnErrors`, `true, or a failure looks like a missing session: \`${how}\``, throwOnErrors);
}
