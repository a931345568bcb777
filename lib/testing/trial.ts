import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { hasMethod } from '../base/expect';
import { Budget } from '../client/budget';
import { ClientCaller } from '../client/caller';
import { ConnectionState } from '../client/status';
import {
  type Answer,
  type BroadcastingStore,
  type CompareAndSetStore,
  type EndingStore,
  type EnumerableStore,
  type IndexingStore,
  type IndexMember,
  type KeysFound,
  type PeekingStore,
  type Session,
  type SessionStore,
  Store,
  type StoredRecord,
  type StoreOperation,
  type SwapResult,
} from '../middleware/engine';
import { fail, shown } from './expectations';
import type { Subject } from './subject';

export const MINUTE = 60 * 1000;
export const HOUR = 60 * MINUTE;
/** A short ttl to wait for, in milliseconds. */
export const MOMENT = 20;
/** Maximum time for an answer, in milliseconds. jest and vitest abort a case after five seconds without saying why. */
const ANSWER_WITHIN = 4_000;
/** Maximum time for cleaning up after a case, in milliseconds. */
const CLEAN_WITHIN = 500;
/** Maximum time for a message, in milliseconds. */
const TOLD_WITHIN = 2_000;
/** How long a record may outlive its ttl, in milliseconds: some stores count in seconds. */
const EXPIRES_WITHIN = 1_500;

type Client = SessionStore &
  CompareAndSetStore &
  EndingStore &
  IndexingStore &
  EnumerableStore &
  PeekingStore &
  BroadcastingStore;
export type Method = keyof Client;
/** The methods that answer. */
type Called = Exclude<Method, 'subscribe'>;

const MISSING = 'a missing or expired record is not an error';
const ANY_TTL = 'any `ttl` from 1 to Number.MAX_SAFE_INTEGER milliseconds';
/** For each method, the operation in errors, and what the client must accept. */
const METHODS: Readonly<Record<Called, { operation: StoreOperation; asks: string }>> = {
  get: { operation: 'get', asks: `it is given a \`key\` and nothing else, and ${MISSING}` },
  set: { operation: 'set', asks: `it is given a \`key\`, any session, ${ANY_TTL}, and nothing else` },
  destroy: { operation: 'destroy', asks: `it is given a \`key\` and nothing else, and ${MISSING}` },
  touch: { operation: 'touch', asks: `it is given a \`key\` and ${ANY_TTL}, and ${MISSING}` },
  load: { operation: 'get', asks: `it is given a \`key\`, sometimes \`{ ttl: true }\`, and ${MISSING}` },
  create: { operation: 'set', asks: `it is given a \`key\`, any text and ${ANY_TTL}` },
  swap: { operation: 'set', asks: `it is given a \`key\`, any text, ${ANY_TTL} and a revision, and ${MISSING}` },
  remove: { operation: 'destroy', asks: `it is given a \`key\` and nothing else, and ${MISSING}` },
  take: { operation: 'destroy', asks: `it is given a \`key\`, a marker and ${ANY_TTL}, and ${MISSING}` },
  enroll: { operation: 'set', asks: `it is given an \`index\`, a \`key\`, ${ANY_TTL} and what has elapsed` },
  members: { operation: 'get', asks: `it is given an \`index\` and a limit, sometimes a member, and ${MISSING}` },
  dismiss: { operation: 'set', asks: `it is given an \`index\` and entries, and ${MISSING}` },
  endedNow: { operation: 'set', asks: 'it is given an `index` and how long to keep the note, and nothing else' },
  keys: { operation: 'get', asks: 'it is given a prefix, sometimes a cursor that it has returned, and nothing else' },
  peek: { operation: 'get', asks: `it is given a list of keys and nothing else, and ${MISSING}` },
  publish: { operation: 'destroy', asks: 'it is given a channel and any text of up to 1,000 bytes, and nothing else' },
  mark: { operation: 'set', asks: `it is given a \`key\` and how many spaces to append, and ${MISSING}` },
};

/** What a case does with its client, under a prefix that no other case uses. Calls the client as the Store does. */
export class Trial {
  readonly prefix: string;
  readonly #subject: Subject;
  readonly #caller: ClientCaller;
  readonly #written: Set<string>;
  readonly #indexes = new Set<string>();
  readonly #subscriptions = new Set<() => unknown>();

  constructor(subject: Subject, prefix = `contract:${randomHex()}:`, written = new Set<string>()) {
    this.#subject = subject;
    this.#caller = new ClientCaller(subject.client, new ConnectionState(0), ANSWER_WITHIN);
    this.prefix = prefix;
    this.#written = written;
  }

  /** The same client under another prefix. */
  under(prefix: string): Trial {
    return new Trial(this.#subject, prefix, this.#written);
  }

  /** Runs `use` with a Store around the client, once the client is connected. */
  async withStore(use: (store: Store) => unknown): Promise<void> {
    const options = { prefix: this.prefix, timeout: ANSWER_WITHIN, reconnectTimeout: ANSWER_WITHIN };
    const store = new Store(this.#subject.client, options);
    try {
      await connected(store);
      await use(store);
    } finally {
      await store.close();
    }
  }

  /** Removes what the case has stored, as far as the client can. */
  async clean(): Promise<void> {
    await Promise.allSettled([...this.#subscriptions].map(async (stop) => stop()));
    const caller = new ClientCaller(this.#subject.client, new ConnectionState(0), CLEAN_WITHIN);
    const remove = (key: string) =>
      caller.call<unknown>(
        'destroy',
        'destroy',
        new Budget(CLEAN_WITHIN),
        () => this.#subject.client.destroy(key),
        key,
      );
    await Promise.allSettled([...this.#written].map(remove));
    await Promise.allSettled([...this.#indexes].map((index) => this.#empty(index)));
  }

  get(sid: string): Promise<Session | null | undefined> {
    return this.#ask('get', sid, (client, key) => client.get(key) as Answer<Session | null | undefined>);
  }

  async set(sid: string, session: Session, ttl: number = HOUR): Promise<void> {
    await this.#ask<unknown>('set', sid, (client, key) => client.set(key, session, ttl));
  }

  async destroy(sid: string): Promise<void> {
    await this.#ask<unknown>('destroy', sid, (client, key) => client.destroy(key));
    this.#written.delete(this.prefix + sid);
  }

  has(ability: Method): boolean {
    return hasMethod(this.#subject.client, ability);
  }

  load(sid: string, options?: { ttl: true }): Promise<StoredRecord | null | undefined> {
    return this.#ask('load', sid, (client, key) => (options ? client.load(key, options) : client.load(key)));
  }

  create(sid: string, record: string, ttl: number = HOUR): Promise<unknown> {
    return this.#ask('create', sid, (client, key) => client.create(key, record, ttl));
  }

  swap(sid: string, record: string, expected: unknown, ttl: number = HOUR): Promise<SwapResult> {
    return this.#ask('swap', sid, (client, key) => client.swap(key, record, ttl, expected));
  }

  touch(sid: string, ttl: number = HOUR): Promise<unknown> {
    return this.#ask('touch', sid, (client, key) => client.touch(key, ttl));
  }

  remove(sid: string): Promise<string | null | undefined> {
    return this.#ask('remove', sid, (client, key) => client.remove(key));
  }

  take(sid: string, marker: string, ttl: number = HOUR): Promise<string | null | undefined> {
    return this.#ask('take', sid, (client, key) => client.take(key, marker, ttl));
  }

  mark(sid: string, length: number): Promise<StoredRecord | null | undefined> {
    return this.#ask('mark', sid, (client, key) => client.mark(key, length));
  }

  /** `elapsed` is the time since the calling request began. Without it, the request begins now. */
  enroll(index: string, sid: string, ttl: number = HOUR, elapsed = 0, from?: string): Promise<number | false> {
    const { prefix } = this;
    const rest = from === undefined ? ([] as const) : ([prefix + from] as const);
    return this.#askIndex('enroll', index, (client, name) => client.enroll(name, prefix + sid, ttl, elapsed, ...rest));
  }

  /** The members with their keys as given to `enroll`. */
  async members(index: string, limit = 100, after?: Pick<IndexMember, 'key' | 'end'>): Promise<IndexMember[]> {
    const place = after && { ...after, key: this.prefix + after.key };
    const found = await this.#askIndex('members', index, (client, name) =>
      place ? client.members(name, limit, place) : client.members(name, limit),
    );
    if (!Array.isArray(found))
      return fail(`Expected \`members\` to return a list, got ${shown(found)}: it may be empty`);
    return found.map((member) => ({ ...member, key: String(member.key).replace(this.prefix, '') }));
  }

  async dismiss(index: string, entries: readonly { key: string; end?: number }[]): Promise<void> {
    const stored = entries.map((entry) => ({ ...entry, key: this.prefix + entry.key }));
    await this.#askIndex<unknown>('dismiss', index, (client, name) => client.dismiss(name, stored));
  }

  async endedNow(index: string, keepFor: number = MINUTE): Promise<void> {
    await this.#askIndex<unknown>('endedNow', index, (client, name) => client.endedNow(name, keepFor));
  }

  /** Some of the keys under this prefix, without it. */
  async keys(cursor?: string): Promise<KeysFound> {
    const found = await this.#call('keys', this.prefix, (client, prefix) =>
      cursor === undefined ? client.keys(prefix) : client.keys(prefix, cursor),
    );
    if (!Array.isArray(found?.keys))
      return fail(`Expected \`keys\` to return { keys, cursor }, got ${shown(found)}: keys may be empty`);
    const keys = found.keys.map((key) =>
      key.startsWith(this.prefix) ? key.slice(this.prefix.length) : `foreign ${key}`,
    );
    return { ...found, keys };
  }

  /** How the records begin, in the order of the ids. */
  async peek(sids: readonly string[]): Promise<readonly (string | null | undefined)[]> {
    const keys = sids.map((sid) => this.prefix + sid);
    const found = await this.#call('peek', this.prefix, (client) => client.peek(keys));
    if (Array.isArray(found) && found.length === sids.length) return found;
    const why = 'it tells in the order of the keys, and `null` where there is no record';
    return fail(`Expected \`peek\` to return a list of ${sids.length} entries, got ${shown(found)}: ${why}`);
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#call<unknown>('publish', this.prefix + channel, (client, name) => client.publish(name, message));
  }

  /** Resolves, once it hears, to what ends the subscription. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<() => unknown> {
    const client = this.#subject.client as Client;
    let hears = false;
    const stop: unknown = client.subscribe(this.prefix + channel, listener, () => {
      hears = true;
    });
    if (typeof stop !== 'function')
      return fail(`Expected \`subscribe\` to return a function, got ${shown(stop)}: it ends the subscription`);
    this.#subscriptions.add(stop as () => unknown);
    await this.until(() => hears, '`began` to be called', 'what was missed before is then looked up');
    return stop as () => unknown;
  }

  async until(holds: () => boolean, what: string, why: string): Promise<void> {
    const giveUp = performance.now() + TOLD_WITHIN;
    while (!holds()) {
      if (performance.now() > giveUp) fail(`Expected ${what} within ${TOLD_WITHIN} ms, got nothing: ${why}`);
      await pause(5);
    }
  }

  /** The remaining lifetime of a session in milliseconds; `undefined` if the client cannot tell. */
  async timeLeft(sid: string): Promise<number | undefined> {
    if (this.#subject.ttlLeft) return this.#subject.ttlLeft(this.prefix + sid);
    return this.has('load') ? (await this.load(sid, { ttl: true }))?.ttl : undefined;
  }

  /** Resolves once there is no session under `sid`, which ends in `ttl` milliseconds. */
  async untilGone(sid: string, which: string, ttl = 0): Promise<void> {
    const giveUp = performance.now() + ttl + EXPIRES_WITHIN;
    for (;;) {
      const asked = performance.now();
      const found = await this.get(sid);
      if (found === null || found === undefined) return;
      if (asked > giveUp) {
        const why = 'a session ends with its ttl, which is in milliseconds, whether or not it has been swept';
        fail(`Expected a session ${which} to be gone, but it was still there ${EXPIRES_WITHIN} ms later: ${why}`);
      }
      await pause(5);
    }
  }

  /**
   * Resolves once a record stored earlier with the same ttl has expired, without reading it: a store may free what it
   * finds expired, so later calls should also be tested on a record that has not been read since.
   */
  async outlive(ttl: number): Promise<void> {
    // A record that expires before it is written is not stored; a store that counts in seconds may keep it slightly
    // longer.
    for (let longer = Math.max(ttl, MOMENT); ; longer *= 3) {
      const sid = `outlive-${randomHex()}`;
      const start = performance.now();
      await this.set(sid, { cookie: {} }, longer);
      const isInTime = performance.now() - start < longer / 2;
      if (isInTime) return this.untilGone(sid, `with a ttl of ${longer} ms`, longer);
    }
  }

  async #empty(index: string): Promise<void> {
    const members = await this.members(index, 1000);
    if (members.length > 0) await this.dismiss(index, members);
  }

  #ask<T>(method: Called, sid: string, run: (client: Client, key: string) => Answer<T>): Promise<T> {
    this.#written.add(this.prefix + sid);
    return this.#call(method, this.prefix + sid, run);
  }

  #askIndex<T>(method: Called, index: string, run: (client: Client, name: string) => Answer<T>): Promise<T> {
    this.#indexes.add(index);
    // No session id has a control character.
    return this.#call(method, `${this.prefix}\u001fuser:${index}`, run);
  }

  /** Calls the client, in any answering style, with a time limit. */
  async #call<T>(method: Called, key: string, run: (client: Client, key: string) => Answer<T>): Promise<T> {
    const { client } = this.#subject;
    if (!hasMethod(client, method)) fail(`Expected the client to have the method \`${method}\`, which it lacks`);
    const { operation, asks } = METHODS[method];
    try {
      return await this.#caller.call(
        operation,
        method,
        new Budget(ANSWER_WITHIN),
        () => run(client as Client, key),
        key,
      );
    } catch (cause) {
      return fail(`Expected \`${method}\` to answer, got ${shown(cause)}: ${asks}`, { cause });
    }
  }
}

async function connected(store: Store): Promise<void> {
  if (store.status === 'available') return;
  const late = () => {
    const why = 'a client that is not connected yet emits `connect` once it is';
    return fail(`Expected the client to be connected within ${ANSWER_WITHIN} ms: ${why}`);
  };
  await once(store, 'connect', { signal: AbortSignal.timeout(ANSWER_WITHIN) }).catch(late);
}

function randomHex(): string {
  return randomBytes(6).toString('hex');
}
