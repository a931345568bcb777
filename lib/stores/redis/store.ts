import { hash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { isGiven } from '../../base/expect';
import type {
  CompareAndSetStore,
  EndingStore,
  EnumerableStore,
  IndexingStore,
  IndexMember,
  KeysFound,
  Session,
  SessionStore,
  StoredRecord,
  SwapResult,
} from '../../base/types';
import { listenToClient } from '../../client/connection-events';
import { parseRecord } from '../../record/record';
import { channelIn, warnOfRight } from './channels';
import { openRedis, type RedisConnectionOptions } from './connection';
import { isNodeRedis, isPool, type RedisClient, type RedisDriver } from './driver';
import * as indexes from './indexes';
import { keys } from './keys';
import { whenReady } from './readiness';
import { Script } from './script';
import { subscribe } from './subscriber';
import { textOf } from './utf8';

/** Identifies a version of a record: its text, or for a long record the bytes as read. */
export type RedisRevision = string | Buffer;

/**
 * ARGV: the new record, its ttl, the expected record or its digest. If the new record is already stored, it counts as
 * success.
 */
const SWAP = new Script(`
local current = redis.call('GET', KEYS[1])
if not current then return nil end
if current ~= ARGV[3] and current ~= ARGV[1] then
  local digest = redis.sha1hex and redis.sha1hex(current) or current
  if digest ~= ARGV[3] then return { current, digest } end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** ARGV: the new record, the expected record or its digest. Keeps the expiry, if there is one; 0 means that it is now. */
const REWRITE = new Script(`
local current = redis.call('GET', KEYS[1])
if not current then return 0 end
if current ~= ARGV[2] and not (redis.sha1hex and redis.sha1hex(current) == ARGV[2]) then return 0 end
local left = tonumber(redis.call('PTTL', KEYS[1]))
if left == 0 then return 0 end
if left > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', left) else redis.call('SET', KEYS[1], ARGV[1]) end
return 1`);

/**
 * ARGV: the ttl. Does not extend the marker of a regenerated session. ioredis-mock, which has no digests, fails on
 * GETRANGE of a missing key.
 */
const TOUCH = new Script(`
if not redis.sha1hex and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('GETRANGE', KEYS[1], 0, 3) == 'null' then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`);

const LOAD_WITH_TTL = new Script(`
local current = redis.call('GET', KEYS[1])
if not current then return nil end
return { current, redis.call('PTTL', KEYS[1]) }`);

/**
 * Works on a Redis that is full, from version 2.6 on: Redis refuses single commands that need memory, and this script
 * has none. With a `#!lua` header, Redis would refuse the whole script.
 */
const REMOVE = new Script(`
local current = redis.call('GET', KEYS[1])
if current and string.sub(current, 1, 4) ~= 'null' then redis.call('DEL', KEYS[1]) end
return current`);

/** ARGV: the marker, its ttl. */
const TAKE = new Script(`
local current = redis.call('GET', KEYS[1])
if current and (current == ARGV[1] or string.sub(current, 1, 4) ~= 'null') then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return current`);

/** ARGV: the number of spaces. */
const MARK = new Script(`
local current = redis.call('GET', KEYS[1])
if not current or string.sub(current, 1, 4) == 'null' then return nil end
local mark = string.rep(' ', ARGV[1])
redis.call('APPEND', KEYS[1], mark)
local marked = current .. mark
return { marked, redis.sha1hex and redis.sha1hex(marked) or marked }`);

/**
 * Longest record that is sent for comparison, in characters: for shorter ones, computing a digest costs more, in Node
 * and in Redis.
 */
const LONGEST_SENT = 2048;

/** A record starts with a brace, so it cannot be mistaken for a digest. */
function forComparison(revision: RedisRevision): string {
  return typeof revision === 'string' && revision.length <= LONGEST_SENT ? revision : hash('sha1', revision);
}

function recordOf(found: string | Buffer): string {
  return typeof found === 'string' ? found : textOf(found);
}

function stored(found: string | Buffer | null): StoredRecord<RedisRevision> | null {
  if (found === null) return null;
  const record = recordOf(found);
  // Hashing bytes is cheaper than hashing text; the bytes of a short record would keep the whole network buffer alive.
  return { record, revision: record.length > LONGEST_SENT ? found : record };
}

/**
 * A record and its digest, as scripts return them. Bytes that are not UTF-8 are lost in the text; only the digest
 * identifies such a record.
 */
function digested(found: unknown[]): StoredRecord<RedisRevision> {
  const [record, digest] = found.map(String) as [string, string];
  return { record, revision: record.includes('\uFFFD') ? digest : record };
}

function textOrNull(found: unknown): string | null {
  return isGiven(found) ? String(found) : null;
}

/** The events of a {@link RedisStore}. */
export interface RedisStoreEvents {
  /** Redis answers again. */
  connect: [];
  /** The connection to Redis is lost. */
  disconnect: [];
  /** The error of the connection. A listener is optional. */
  error: [error: unknown];
}

/**
 * Keeps sessions in Redis - a single server, behind Sentinels or a Cluster - with the `'compare-and-set'` guarantee. A
 * record is JSON text in koa-redis' format. A `revision` is the record itself; of a long one, only the digest is sent.
 */
export class RedisStore
  extends EventEmitter<RedisStoreEvents>
  implements SessionStore, CompareAndSetStore<RedisRevision>, EndingStore<RedisRevision>, IndexingStore, EnumerableStore
{
  /** The client. */
  readonly client: RedisClient;
  readonly #driver: RedisDriver;
  readonly #isOwn: boolean;
  readonly #unanswered: ((ms: number) => void) | undefined;
  readonly #stopListening: () => void;
  #said: 'connect' | 'disconnect' | undefined;
  #closed: Promise<void> | undefined;
  readonly #subscriptions = new Set<() => void>();
  #hasWarned = false;

  /** @throws TypeError if the client is of an unknown kind, or ioredis is needed and not installed. */
  constructor(options?: RedisConnectionOptions | null) {
    super();
    const { client, driver, isOwn, unanswered } = openRedis(options ?? {});
    this.client = client;
    this.#driver = driver;
    this.#isOwn = isOwn;
    this.#unanswered = unanswered;
    // Without a listener, an outage would end the process; the Store reports it.
    if (client.listenerCount('error') === 0) client.on('error', () => undefined);
    this.on('error', () => undefined);
    // A pool cannot be asked for a connection that only listens.
    if (isNodeRedis(client) && isPool(client)) Object.defineProperty(this, 'subscribe', { value: undefined });
    const stopAsking = driver.isSilent ? whenReady(driver, () => this.#say('connect')) : () => undefined;
    const stopListening = listenToClient(client, {
      connected: () => this.#say('connect'),
      disconnected: () => this.#say('disconnect'),
      failed: (error) => this.emit('error', error),
    });
    this.#stopListening = () => {
      stopAsking();
      stopListening();
    };
  }

  /** The kind of the store, for traces and metrics. */
  get kind(): 'redis' {
    return 'redis';
  }

  /** @internal How often a call may have been sent twice, in addition to what `disconnect` tells. */
  get breaks(): number {
    return this.#driver.repeats();
  }

  /** @internal Whether calls are carried out in the order in which they were made. */
  get ordersCalls(): boolean {
    return this.#driver.isOrdered;
  }

  /** Whether Redis accepts commands now. */
  get connected(): boolean {
    return this.#driver.isReady();
  }

  /** Returns the session under `key`; `undefined` if it is missing, regenerated or not a JSON object. */
  async get(key: string): Promise<Session | undefined> {
    const found = await this.#driver.get(key);
    return found === null ? undefined : (parseRecord(recordOf(found)) as Session | undefined);
  }

  /** Stores a session for `ttl` milliseconds. */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    await this.#driver.set(key, JSON.stringify(session), ttl, false);
  }

  async destroy(key: string): Promise<void> {
    await this.#driver.del(key);
  }

  load(key: string, options?: { ttl?: boolean }): Promise<StoredRecord<RedisRevision> | null> {
    return options?.ttl === true ? this.#loadWithTtl(key) : this.#driver.get(key).then(stored);
  }

  async #loadWithTtl(key: string): Promise<StoredRecord<RedisRevision> | null> {
    const found = (await LOAD_WITH_TTL.run(this.#driver, key)) as [unknown, unknown] | null | undefined;
    if (!isGiven(found)) return null;
    const record = String(found[0]);
    return { record, revision: record, ttl: Number(found[1]) };
  }

  async create(key: string, record: string, ttl: number): Promise<RedisRevision | false> {
    if (await this.#driver.set(key, record, ttl, true)) return record;
    const found = await this.#driver.get(key);
    return found !== null && recordOf(found) === record ? record : false;
  }

  async swap(key: string, record: string, ttl: number, expected: RedisRevision): Promise<SwapResult<RedisRevision>> {
    const found = await SWAP.run(this.#driver, key, record, String(ttl), this.#forComparison(expected));
    // ioredis-mock returns `undefined` for nil.
    if (!isGiven(found)) return { ok: false, gone: true };
    if (!Array.isArray(found)) return { ok: true, revision: record };
    return { ok: false, ...digested(found) };
  }

  /** @internal Replaces the record whose revision is `expected` and keeps its expiry; resolves to whether it did. */
  async rewrite(key: string, record: string, expected: RedisRevision): Promise<boolean> {
    return Number(await REWRITE.run(this.#driver, key, record, this.#forComparison(expected))) === 1;
  }

  async touch(key: string, ttl: number): Promise<boolean> {
    // Some clients return numbers as strings.
    return Number(await TOUCH.run(this.#driver, key, String(ttl))) === 1;
  }

  async remove(key: string): Promise<string | null> {
    return textOrNull(await REMOVE.run(this.#driver, key));
  }

  async take(key: string, marker: string, ttl: number): Promise<string | null> {
    return textOrNull(await TAKE.run(this.#driver, key, marker, String(ttl)));
  }

  async mark(key: string, length: number): Promise<StoredRecord<RedisRevision> | null> {
    const found = await MARK.run(this.#driver, key, String(length));
    return Array.isArray(found) ? digested(found) : null;
  }

  enroll(index: string, key: string, ttl: number, elapsed: number, from?: string): Promise<number | false> {
    return indexes.enroll(this.#driver, index, key, ttl, elapsed, from);
  }

  members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): Promise<IndexMember[]> {
    return indexes.members(this.#driver, index, limit, after);
  }

  dismiss(index: string, entries: readonly { key: string; end?: number | undefined }[]): Promise<void> {
    return indexes.dismiss(this.#driver, index, entries);
  }

  endedNow(index: string, keepFor: number): Promise<void> {
    return indexes.endedNow(this.#driver, index, keepFor);
  }

  /**
   * Returns some of the keys that start with `prefix`, perhaps none, and a `cursor` for the rest, if there are more.
   *
   * @throws TypeError by rejection, if this method has not returned the cursor.
   *
   * @throws Error by rejection, if all that is left are slots of a Cluster that are moving to another server.
   */
  keys(prefix: string, cursor?: string): Promise<KeysFound> {
    return keys(this.#driver, prefix, cursor);
  }

  /** Returns how the records begin, for many keys in one round trip: four characters, or `null` if there is no record. */
  async peek(keys: readonly string[]): Promise<(string | null)[]> {
    return Promise.all(keys.map(async (key) => (await this.#driver.head(key)) || null));
  }

  /** Sends a message to all processes that listen to the channel. */
  async publish(channel: string, message: string): Promise<void> {
    const name = channelIn(this.client, channel);
    try {
      await this.#driver.publish(name, message);
    } catch (error) {
      if (!this.#hasWarned) this.#hasWarned = warnOfRight(error, 'publish', name);
      throw error;
    }
  }

  /**
   * Listens to a channel on a separate connection, until it calls what this returns. `began` is called each time when it
   * begins to hear. A store on a pool of node-redis has no such method.
   */
  subscribe(channel: string, listener: (message: string) => void, began: () => void): () => void {
    const stop = subscribe(this.client, channelIn(this.client, channel), listener, began);
    this.#subscriptions.add(stop);
    return () => {
      this.#subscriptions.delete(stop);
      stop();
    };
  }

  /**
   * Called when a call has had no answer for `ms` milliseconds. Replaces a connection that this package opened and that
   * has received nothing since.
   *
   * @internal
   */
  unanswered(ms: number): void {
    this.#unanswered?.(ms);
  }

  #forComparison(revision: RedisRevision): string {
    return this.#driver.hasDigests ? forComparison(revision) : recordOf(revision);
  }

  /** Stops listening, and closes the connection if this store opened it. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopListening();
    for (const stop of this.#subscriptions) stop();
    if (this.#isOwn) await this.#driver.quit();
  }

  #say(event: 'connect' | 'disconnect'): void {
    if (this.#said === event) return;
    this.#said = event;
    this.emit(event);
  }
}

/**
 * Creates a {@link RedisStore}.
 *
 * @throws TypeError if the client is of an unknown kind, or ioredis is needed and not installed.
 */
export function redisStore(options?: RedisConnectionOptions | null): RedisStore {
  return new RedisStore(options);
}
