import { randomUUID } from 'node:crypto';
import { hasMethod } from '../base/expect';
import { Lately } from '../base/lately';
import { unref } from '../base/timer';
import type { BroadcastingStore, EndReason, PeekingStore } from '../base/types';
import { atOnce } from '../base/walk';
import type { ClientCaller } from '../client/caller';
import { isRegeneratedMarker } from '../record/record';
import { type EndedMessage, messageIn, textOf } from './ended-message';
import { findSession, isOver, type ReadingRules } from './found-session';
import { REMEMBERED_FOR } from './records';

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

type Entry = [handle: string, watched: Watched];

/** What the endings need. */
interface Host {
  readonly client: object;
  readonly caller: ClientCaller;
  readonly store: ReadingRules['store'];
}

/**
 * Messages may be lost, so all watched sessions are looked up this often, in milliseconds: several times while the marker
 * is there that leads to the new id of a session.
 */
const LOOK_UP = REMEMBERED_FOR / 3;
/** The same for a client that passes no messages. */
const ASK = 3000;
/** How long an end is remembered, in milliseconds: its message may come twice. */
const REMEMBERED = 60_000;
/** Number of records that one call looks at. */
const AT_ONCE = 1000;

/** Tells all processes that a session has ended, and hears what they tell. */
export class Endings {
  readonly #host: Host;
  /** The channel of the messages. */
  readonly channel: string;
  readonly #from = randomUUID();
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<(ended: Ended) => void>();
  /** The ends of the last minute. */
  readonly #told = new Lately<string>(REMEMBERED);
  readonly #reasons = new Map<string, EndReason>();
  /** Messages that have no answer yet. */
  readonly #sending = new Set<Promise<unknown>>();
  #unsubscribe: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: 'once' | 'again' | undefined;
  /** Watched sessions of which messages say that they have ended. */
  readonly #hints = new Map<string, EndReason>();
  #isFollowing = false;
  #isClosed = false;

  constructor(host: Host) {
    this.#host = host;
    this.channel = `${host.store.prefix}endings`;
  }

  /** Tells everybody that a session has ended. Never fails: those who miss the message look for themselves. */
  announce(handle: string, reason: EndReason): void {
    const { caller, client, store } = this.#host;
    this.#tell({ handle, reason, isOwn: true });
    if (this.#isClosed || !canPublish(client)) return;
    const message = textOf({ handle, reason, from: this.#from });
    const publish = () => client.publish(this.channel, message);
    const sent: Promise<unknown> = caller
      .call<unknown>('destroy', 'publish', store.newBudget(), publish, this.channel)
      .catch(() => undefined)
      .then(() => this.#sending.delete(sent));
    this.#sending.add(sent);
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
    if (this.#isClosed) return () => undefined;
    this.#hear();
    const watched = this.#watched.get(handle) ?? { key, listeners: new Set() };
    watched.key = key;
    watched.listeners.add(listener);
    this.#watched.set(handle, watched);
    this.#timer ??= unref(setInterval(() => this.#tick(), canHear(this.#host.client) ? LOOK_UP : ASK));
    // It has ended since its record was read, unless somebody else on the channel only says so.
    const reason = this.#reasonOf(handle);
    if (reason !== undefined) this.#hint({ handle, reason });
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0 || this.#watched.get(handle) !== watched) return;
      this.#watched.delete(handle);
      this.#rest();
    };
  }

  /** Stops listening. Resolves once everything that was announced has been sent, or has failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watched.clear();
    this.#listeners.clear();
    this.#rest();
    await Promise.all(this.#sending);
  }

  #hear(): void {
    const { client } = this.#host;
    if (this.#isClosed || this.#unsubscribe !== undefined || !canHear(client)) return;
    const heard = (text: string) => {
      const message = messageIn(text);
      if (message === undefined || message.from === this.#from || this.#isClosed) return;
      if (this.#watched.has(message.handle)) this.#hint(message);
      else this.#tell({ ...message, isOwn: false });
    };
    this.#unsubscribe = client.subscribe(this.channel, heard, () => void this.#lookUp());
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
    if (this.#reasonOf(ended.handle) === undefined) {
      this.#told.add(ended.handle);
      this.#reasons.set(ended.handle, ended.reason);
      for (const listener of [...this.#listeners]) listener(ended);
    }
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

  /**
   * Looks at a watched session of which a message says that it has ended: another program may have sent it. Many are
   * looked at together.
   */
  #hint({ handle, reason }: Pick<EndedMessage, 'handle' | 'reason'>): void {
    this.#hints.set(handle, reason);
    if (!this.#isFollowing) void this.#followHints();
  }

  async #followHints(): Promise<void> {
    this.#isFollowing = true;
    while (this.#hints.size > 0) {
      const hints = new Map(this.#hints);
      this.#hints.clear();
      await this.#lookAtAll(
        [...hints.keys()].flatMap((handle) => this.#entryOf(handle)),
        hints,
      );
    }
    this.#isFollowing = false;
  }

  #entryOf(handle: string): Entry[] {
    const watched = this.#watched.get(handle);
    return watched === undefined ? [] : [[handle, watched]];
  }

  /** After a walk that takes longer than that, there is a pause too. */
  #tick(): void {
    if (this.#looking === undefined) void this.#lookUp();
  }

  /** Looks up all watched sessions. One that is watched since the walk began is looked up by the next. */
  async #lookUp(): Promise<void> {
    const isRunning = this.#looking !== undefined;
    this.#looking = isRunning ? 'again' : 'once';
    if (isRunning) return;
    do {
      this.#looking = 'once';
      await this.#lookAtAll([...this.#watched]);
    } while ((this.#looking as 'once' | 'again') === 'again');
    this.#looking = undefined;
    this.#timer?.refresh();
  }

  async #lookAtAll(all: Entry[], hints?: ReadonlyMap<string, EndReason>): Promise<void> {
    for (let start = 0; start < all.length && !this.#isClosed; start += AT_ONCE) {
      const doubtful = await this.#doubtful(all.slice(start, start + AT_ONCE));
      await atOnce(doubtful, async ([handle, watched]) => {
        // The next time is soon enough if the store is away.
        await this.#lookAt(handle, watched, hints?.get(handle)).catch(() => undefined);
      });
    }
  }

  /** Those that may have ended, found in one round trip if the client can do that. */
  async #doubtful(entries: Entry[]): Promise<Entry[]> {
    const { caller, client, store } = this.#host;
    if (!canPeek(client)) return entries;
    const keys = entries.map(([, { key }]) => key);
    const peek = () => client.peek(keys);
    const found = await caller.call('get', 'peek', store.newBudget(), peek, this.channel).catch(() => undefined);
    if (found === undefined) return [];
    return entries.filter((_entry, n) => {
      const text = found[n];
      return text === null || text === undefined || isRegeneratedMarker(text);
    });
  }

  async #lookAt(handle: string, watched: Watched, hint?: EndReason): Promise<void> {
    for (;;) {
      const { key } = watched;
      const seen = await this.#seenAt(key);
      if (this.#watched.get(handle) !== watched) return;
      // Another watch may have found it under its next key meanwhile.
      if (watched.key !== key) continue;
      if (typeof seen === 'string') return this.#tell({ handle, reason: hint ?? seen, isOwn: false });
      watched.key = seen.key;
      return;
    }
  }

  /** The key where the session is now, or why it has ended. One that has got a new id with its data goes on there. */
  async #seenAt(key: string): Promise<{ key: string } | 'gone' | 'expired'> {
    const rules = { store: this.#host.store, user: undefined };
    const seen = await findSession(key, rules);
    if (seen.is === 'nothing') return 'gone';
    if (seen.is !== 'session') return { key };
    return isOver(seen.found.session, rules) ? 'expired' : { key: seen.found.key };
  }
}

function canPublish(client: object): client is Pick<BroadcastingStore, 'publish'> {
  return hasMethod(client, 'publish');
}

function canHear(client: object): client is Pick<BroadcastingStore, 'subscribe'> {
  return hasMethod(client, 'subscribe');
}

function canPeek(client: object): client is PeekingStore {
  return hasMethod(client, 'peek');
}
