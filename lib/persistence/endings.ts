import { randomUUID } from 'node:crypto';
import { hasMethod } from '../base/expect';
import { Lately } from '../base/lately';
import { unref } from '../base/timer';
import type { BroadcastingStore, EndReason, PeekingStore } from '../base/types';
import { atOnce } from '../base/walk';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { isRegeneratedMarker } from '../record/record';
import { messageIn, textOf } from './ended-message';
import type { Names } from './names';
import type { Loaded, Records } from './records';

/** The end of a session, here or in another process. */
export interface Ended {
  readonly handle: string;
  readonly reason: EndReason;
  /** Whether this process has ended it. */
  readonly isOwn: boolean;
}

/** Calls the listener of a watched session once. */
export type OnEnd = (reason: EndReason) => void;

interface Watched {
  /** The key of the session's record. It changes when the session gets a new id with its data. */
  key: string;
  readonly listeners: Set<OnEnd>;
}

/** What the endings need from their Store. */
interface Host {
  readonly client: object;
  readonly caller: ClientCaller;
  readonly records: Records;
  readonly names: Names;
  newBudget(): Budget;
}

/** Messages may be lost, so all watched sessions are looked up this often, in milliseconds. */
const LOOK_UP = 60_000;
/** The same for a client that passes no messages. */
const ASK = 3000;
/** How long an end is remembered, in milliseconds: its message may come twice. */
const REMEMBERED = 60_000;
/** Number of records that one call looks at. */
const AT_ONCE = 1000;
/** Number of new ids that a look-up follows. */
const LONGEST_CHAIN = 100;

/** Tells all processes that a session has ended, and hears what they tell. */
export class Endings {
  readonly #host: Host;
  readonly #channel: string;
  readonly #from = randomUUID();
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<(ended: Ended) => void>();
  /** The ends of the last minute. */
  readonly #told = new Lately<string>(REMEMBERED);
  readonly #reasons = new Map<string, EndReason>();
  #unsubscribe: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: 'once' | 'again' | undefined;
  #isClosed = false;

  constructor(host: Host) {
    this.#host = host;
    this.#channel = `${host.names.prefix}endings`;
  }

  /** Tells everybody that a session has ended. Never fails: those who miss the message look for themselves. */
  announce(handle: string, reason: EndReason): void {
    const { caller, client, newBudget } = this.#host;
    this.#tell({ handle, reason, isOwn: true });
    if (this.#isClosed || !canBroadcast(client)) return;
    const message = textOf({ handle, reason, from: this.#from });
    const publish = () => client.publish(this.#channel, message);
    void caller.call<unknown>('destroy', 'publish', newBudget(), publish, this.#channel).catch(() => undefined);
  }

  /** Calls the listener with the end of each session, until it calls what this returns. */
  listen(listener: (ended: Ended) => void): () => void {
    this.#listeners.add(listener);
    this.#hear();
    return () => {
      this.#listeners.delete(listener);
      this.#rest();
    };
  }

  /** Calls the listener at the end of the session, once, unless it is stopped before. */
  watch(handle: string, key: string, listener: OnEnd): () => void {
    const reason = this.#reasonOf(handle);
    if (reason !== undefined) return soon(() => listener(reason));
    this.#hear();
    const watched = this.#watched.get(handle) ?? { key, listeners: new Set() };
    watched.key = key;
    watched.listeners.add(listener);
    this.#watched.set(handle, watched);
    this.#timer ??= unref(setInterval(() => void this.#lookUp(), canBroadcast(this.#host.client) ? LOOK_UP : ASK));
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0 || this.#watched.get(handle) !== watched) return;
      this.#watched.delete(handle);
      this.#rest();
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#watched.clear();
    this.#listeners.clear();
    this.#rest();
  }

  #hear(): void {
    const { client } = this.#host;
    if (this.#isClosed || this.#unsubscribe !== undefined || !canBroadcast(client)) return;
    const heard = (text: string) => {
      const message = messageIn(text);
      if (message !== undefined && message.from !== this.#from) this.#tell({ ...message, isOwn: false });
    };
    this.#unsubscribe = client.subscribe(this.#channel, heard, () => void this.#lookUp());
  }

  /** Ends what only a listener needs. */
  #rest(): void {
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#listeners.size > 0) return;
    void this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #tell(ended: Ended): void {
    if (this.#reasonOf(ended.handle) !== undefined) return;
    this.#told.add(ended.handle);
    this.#reasons.set(ended.handle, ended.reason);
    for (const listener of [...this.#listeners]) listener(ended);
    const watched = this.#watched.get(ended.handle);
    this.#watched.delete(ended.handle);
    for (const listener of [...(watched?.listeners ?? [])]) {
      if (watched?.listeners.delete(listener)) listener(ended.reason);
    }
    this.#rest();
  }

  /** Why the session has ended, if that was in the last minute. */
  #reasonOf(handle: string): EndReason | undefined {
    for (let old = this.#told.shift(); old !== undefined; old = this.#told.shift()) this.#reasons.delete(old);
    return this.#reasons.get(handle);
  }

  /** Looks up all watched sessions. One that is watched since the walk began is looked up by the next. */
  async #lookUp(): Promise<void> {
    const isRunning = this.#looking !== undefined;
    this.#looking = isRunning ? 'again' : 'once';
    if (isRunning) return;
    do {
      this.#looking = 'once';
      await this.#lookUpAll();
    } while ((this.#looking as 'once' | 'again') === 'again');
    this.#looking = undefined;
  }

  async #lookUpAll(): Promise<void> {
    const all = [...this.#watched];
    for (let start = 0; start < all.length && !this.#isClosed; start += AT_ONCE) {
      // The next time is soon enough if the store is away.
      await this.#lookAt(all.slice(start, start + AT_ONCE)).catch(() => undefined);
    }
  }

  async #lookAt(entries: [handle: string, watched: Watched][]): Promise<void> {
    const { caller, client, newBudget } = this.#host;
    if (!canPeek(client)) return atOnce(entries, ([handle, watched]) => this.#lookAtOne(handle, watched));
    const keys = entries.map(([, { key }]) => key);
    const peek = () => client.peek(keys);
    const found = await caller.call('get', 'peek', newBudget(), peek, this.#channel);
    const doubtful = entries.filter((_entry, n) => {
      const text = found[n];
      return text === null || text === undefined || isRegeneratedMarker(text);
    });
    await atOnce(doubtful, ([handle, watched]) => this.#lookAtOne(handle, watched));
  }

  /** A session that has got a new id with its data goes on there. */
  async #lookAtOne(handle: string, watched: Watched): Promise<void> {
    for (let length = 0; length < LONGEST_CHAIN; length += 1) {
      const { key } = watched;
      const seen = await this.#seenAt(key);
      if (seen === 'alive') return;
      if (this.#watched.get(handle) !== watched) return;
      if (typeof seen === 'string') return this.#tell({ handle, reason: seen, isOwn: false });
      // Another watch may have found the latest key meanwhile.
      if (watched.key === key) watched.key = seen.key;
    }
  }

  /** What is at a key: a session, why there is none, or the key where it goes on. */
  async #seenAt(key: string): Promise<'alive' | 'gone' | 'regenerated' | { key: string }> {
    const { names, newBudget, records } = this.#host;
    const found: Loaded = await records.load(key, newBudget(), false, true);
    if (found.found === 'nothing') return 'gone';
    if (found.found !== 'regenerated') return 'alive';
    const { marker } = found;
    if (marker === undefined) return 'gone';
    return marker.keepsData ? { key: names.prefix + marker.successor } : 'regenerated';
  }
}

/** Runs in the next turn, unless it is called off before. */
function soon(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}

function canBroadcast(client: object): client is BroadcastingStore {
  return hasMethod(client, 'publish') && hasMethod(client, 'subscribe');
}

function canPeek(client: object): client is PeekingStore {
  return hasMethod(client, 'peek');
}
