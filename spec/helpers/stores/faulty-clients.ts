import { setImmediate as soon } from 'node:timers/promises';
import type { Session, SessionStore, SwapResult } from '../../../lib/main';
import type { StoreContractOptions } from '../../../lib/testing';
import { faultsOfEnding } from './faulty-endings';
import { faultsOfIndexes } from './faulty-indexes';
import { faultsOfMessages } from './faulty-messages';
import { faultsOfWalks } from './faulty-walks';
import { RightClient, RightCompareAndSetClient, RightTouchableClient, type Row } from './right-client';

/** A client that breaks one promise of the contract, and the case that has to notice, among others perhaps. */
export interface Fault {
  readonly client: new () => object;
  readonly noticedBy: string;
  readonly guarantee?: StoreContractOptions['guarantee'];
  /** Only cases with this text in their title are run. Default: all. */
  readonly about?: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** Faults of the three methods. */
const ofSessions: Record<string, Fault> = {
  'returns the text instead of the session': {
    client: class extends RightClient {
      override parse(text: string) {
        return text;
      }
    },
    noticedBy: 'returns a stored session',
  },
  'turns empty lists into objects': {
    client: class extends RightClient {
      override stringify(session: Session) {
        return super.stringify(session).replaceAll('[]', '{}');
      }
    },
    noticedBy: 'returns a stored session',
  },
  'loses digits of large numbers': {
    client: class extends RightClient {
      override stringify(session: Session) {
        return super.stringify(session).replaceAll('9007199254740991', '9.007199254741e+15');
      }
    },
    noticedBy: 'returns a stored session',
  },
  'answers through callbacks': {
    client: class extends RightClient {
      override async get(key: string, callback?: (error: unknown, session?: unknown) => void) {
        callback?.(null, await super.get(key));
        return;
      }
    },
    noticedBy: 'returns a stored session',
  },
  'expects the context': {
    client: class extends RightClient {
      override async set(key: string, session: Session, ttl: number, ...more: never[]) {
        const [{ ctx }] = more as unknown as [{ ctx: unknown }];
        return ctx ?? super.set(key, session, ttl);
      }
    },
    noticedBy: 'returns a stored session',
  },
  'puts defaults into the cookie': {
    client: class extends RightClient {
      override async set(key: string, session: Session, ttl: number) {
        return super.set(key, { ...session, cookie: { maxAge: ttl, ...session.cookie } }, ttl);
      }
    },
    noticedBy: 'returns the cookie unchanged',
  },
  'stores at most three bytes per character': {
    client: class extends RightClient {
      override stringify(session: Session) {
        return super.stringify(session).replaceAll(/\p{Emoji_Presentation}/gu, '?');
      }
    },
    noticedBy: 'returns any text',
  },
  'refuses zeros in texts': {
    client: class extends RightClient {
      override stringify(session: Session) {
        const text = super.stringify(session);
        if (text.includes('\\u0000')) throw new Error('\\u0000 cannot be converted to text');
        return text;
      }
    },
    noticedBy: 'returns any text',
  },
  'truncates at 64 kB': {
    client: class extends RightClient {
      override stringify(session: Session) {
        return super.stringify(session).slice(0, 65535);
      }
      override parse(text: string) {
        try {
          return super.parse(text);
        } catch {
          return;
        }
      }
    },
    noticedBy: 'returns a session of 100 kB',
  },
  'merges a session into the stored one': {
    client: class extends RightClient {
      override async set(key: string, session: Session, ttl: number) {
        return super.set(key, { ...((await this.get(key)) as object), ...session }, ttl);
      }
    },
    noticedBy: 'replaces a stored session',
  },
  'returns an empty session for a missing one': {
    client: class extends RightClient {
      override async get(key: string) {
        return (await super.get(key)) ?? {};
      }
    },
    noticedBy: 'returns null or undefined for a missing session',
  },
  'fails for a missing session': {
    client: class extends RightClient {
      override async get(key: string) {
        const found = await super.get(key);
        if (found === undefined) throw new Error('no such session');
        return found;
      }
    },
    noticedBy: 'returns null or undefined for a missing session',
  },
  'destroys nothing': {
    client: class extends RightClient {
      override async destroy() {}
    },
    noticedBy: 'destroys only the given session',
  },
  'destroys all keys with the same beginning': {
    client: class extends RightClient {
      override async destroy(key: string) {
        for (const each of this.rows.keys()) if (each.startsWith(key)) this.rows.delete(each);
      }
    },
    noticedBy: 'destroys only the given session',
  },
  'fails to destroy a missing session': {
    client: class extends RightClient {
      override async destroy(key: string) {
        if (!this.find(key)) throw new Error('no such session');
        return super.destroy(key);
      }
    },
    noticedBy: 'destroys a missing session without an error',
  },
  'never stores a destroyed session again': {
    client: class extends RightClient {
      readonly #destroyed = new Set<string>();
      override async destroy(key: string) {
        this.#destroyed.add(key);
      }
      override find(key: string) {
        return this.#destroyed.has(key) ? undefined : super.find(key);
      }
    },
    noticedBy: 'stores a destroyed session again',
  },
  'keeps the given object': {
    client: class extends RightClient {
      readonly #sessions = new Map<string, Session>();
      override async set(key: string, session: Session, ttl: number) {
        this.#sessions.set(key, session);
        return super.set(key, session, ttl);
      }
      override async get(key: string) {
        return (await super.get(key)) && structuredClone(this.#sessions.get(key));
      }
    },
    noticedBy: 'keeps a stored session when the object changes',
  },
  'returns the object that it keeps': {
    client: class extends RightClient {
      readonly #sessions = new Map<string, unknown>();
      override async set(key: string, session: Session, ttl: number) {
        this.#sessions.set(key, structuredClone(session));
        return super.set(key, session, ttl);
      }
      override async get(key: string) {
        return (await super.get(key)) && this.#sessions.get(key);
      }
    },
    noticedBy: 'keeps a stored session when the object changes',
  },
  'mixes up sessions that are stored at once': {
    client: class extends RightClient {
      #key = '';
      override async set(key: string, session: Session, ttl: number) {
        this.#key = key;
        await soon();
        return super.set(this.#key, session, ttl);
      }
    },
    noticedBy: 'stores many sessions at once',
  },
  'answers to `set` before it is done': {
    client: class extends RightClient {
      override async set(key: string, session: Session, ttl: number) {
        setTimeout(() => void super.set(key, session, ttl), 2);
      }
    },
    noticedBy: 'settles `set` and `destroy` only when they are done',
  },
  'answers to `destroy` before it is done': {
    client: class extends RightClient {
      override async destroy(key: string) {
        setTimeout(() => void super.destroy(key), 2);
      }
    },
    noticedBy: 'settles `set` and `destroy` only when they are done',
  },
  'uses only the last part of a key': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return String(key.split(':').pop());
      }
    },
    noticedBy: 'shows no session of another prefix',
  },
};

/** Faults of the keys. */
const ofKeys: Record<string, Fault> = {
  'treats lower case as upper case': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.toLowerCase();
      }
    },
    noticedBy: 'distinguishes keys that differ in upper and lower case',
  },
  'ignores accents': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.normalize('NFD').replaceAll(/\p{Mark}/gu, '');
      }
    },
    noticedBy: 'distinguishes keys that differ in accents, or use any script',
  },
  'normalizes accents': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.normalize();
      }
    },
    noticedBy: 'distinguishes keys that differ in accents, or use any script',
  },
  'keeps only Latin letters of keys': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.replaceAll(/[^ -ÿ]/g, '?');
      }
    },
    noticedBy: 'distinguishes keys that differ in accents, or use any script',
  },
  'ignores trailing spaces': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.trimEnd();
      }
    },
    noticedBy: 'distinguishes keys that differ in spaces',
  },
  'treats a key as a pattern': {
    client: class extends RightClient {
      override async destroy(key: string) {
        for (const each of this.rows.keys()) if (matches(each, key)) this.rows.delete(each);
      }
    },
    noticedBy: 'distinguishes keys that contain colons and other punctuation',
  },
  'treats a key as a path': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return new URL(key.replaceAll(':', '_'), 'file:///sessions/').pathname;
      }
    },
    noticedBy: 'distinguishes keys that contain slashes',
  },
  'cuts keys': {
    client: class extends RightClient {
      override keyOf(key: string) {
        return key.slice(0, 199);
      }
    },
    noticedBy: 'distinguishes keys of 200 characters',
  },
  'keeps records in an object': {
    client: class extends RightClient {
      readonly #sessions: Record<string, unknown> = {};
      override async set(key: string, session: Session) {
        this.#sessions[key] = structuredClone(session);
      }
      override async get(key: string) {
        return this.#sessions[key];
      }
      override async destroy(key: string) {
        delete this.#sessions[key];
      }
    },
    noticedBy: 'treats names such as __proto__ like any other key',
  },
};

/** Faults of the time. */
const ofTime: Record<string, Fault> = {
  'ignores the ttl': {
    client: class extends RightClient {
      override endOf() {
        return Date.now() + DAY;
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'treats the ttl as seconds': {
    client: class extends RightClient {
      override endOf(ttl: number) {
        return super.endOf(ttl * 1000);
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'returns an expired session': {
    client: class extends RightClient {
      override find(key: string) {
        return this.rows.get(key);
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'fails for an expired session': {
    client: class extends RightClient {
      override find(key: string) {
        const row = this.rows.get(key);
        if (row && row.end <= Date.now()) throw new Error('the session has expired');
        return row;
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'ignores a ttl below a second': {
    client: class extends RightClient {
      override endOf(ttl: number) {
        if (ttl < 1000) throw new Error('invalid expire time');
        return super.endOf(ttl);
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'ends all sessions with the first one': {
    client: class extends RightClient {
      override find(key: string) {
        for (const { end } of this.rows.values()) if (end <= Date.now()) this.rows.clear();
        return super.find(key);
      }
    },
    noticedBy: 'drops a session at the end of its ttl',
  },
  'treats the ttl as microseconds': {
    client: class extends RightClient {
      override endOf(ttl: number) {
        return super.endOf(Math.ceil(ttl / 1e6));
      }
    },
    noticedBy: 'keeps a session for its ttl',
  },
  'ends sessions by a timer': {
    client: class extends RightClient {
      readonly #timers = new Map<string, NodeJS.Timeout>();
      override async set(key: string, session: Session, ttl: number) {
        clearTimeout(this.#timers.get(key));
        // What Node does, which also warns of it.
        const delay = ttl > 2 ** 31 - 1 ? 1 : ttl;
        this.#timers.set(key, setTimeout(() => this.rows.delete(key), delay).unref());
        return super.set(key, session, ttl);
      }
    },
    noticedBy: 'accepts long ttls',
  },
  'treats more than 30 days as a date': {
    client: class extends RightClient {
      override endOf(ttl: number) {
        return ttl > 30 * DAY ? ttl : super.endOf(ttl);
      }
    },
    noticedBy: 'accepts long ttls',
  },
  'stores the end as a date': {
    client: class extends RightClient {
      override endOf(ttl: number) {
        return new Date(new Date(super.endOf(ttl)).toISOString()).getTime();
      }
    },
    noticedBy: 'accepts the longest ttl, Number.MAX_SAFE_INTEGER',
  },
  'ends a session by a timer of an earlier `set`': {
    client: class extends RightClient {
      override async set(key: string, session: Session, ttl: number) {
        if (ttl < 1000) setTimeout(() => this.rows.delete(key), ttl);
        return super.set(key, session, ttl);
      }
    },
    noticedBy: 'applies the ttl of each `set`',
  },
  'keeps the time of the first `set`': {
    client: class extends RightClient {
      override write(key: string, text: string, ttl: number) {
        const { end } = this.find(key) ?? {};
        return Object.assign(super.write(key, text, ttl), end && { end });
      }
    },
    noticedBy: 'applies the ttl of each `set`',
  },
  'never shortens the life of a session': {
    client: class extends RightClient {
      override write(key: string, text: string, ttl: number) {
        const { end = 0 } = this.find(key) ?? {};
        const row = super.write(key, text, ttl);
        row.end = Math.max(row.end, end);
        return row;
      }
    },
    noticedBy: 'applies the ttl of each `set`',
  },
};

/** As such a case is called with clients that need not have it. */
export const whereTouch = (title: string) => `${title}, if it has \`touch\``;

/** Faults of `touch`. */
const ofTouch: Record<string, Fault> = {
  'answers nothing to `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        await super.touch(key, ttl);
        return undefined as never;
      }
    },
    noticedBy: whereTouch('extends a session without changing it'),
  },
  'extends nothing by `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string) {
        return this.find(key) !== undefined;
      }
    },
    noticedBy: whereTouch('extends a session without changing it'),
  },
  'empties a session by `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        return this.find(key) !== undefined && this.write(key, '{"cookie":{}}', ttl) !== undefined;
      }
    },
    noticedBy: whereTouch('extends a session without changing it'),
  },
  'only ever lengthens by `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        const row = this.find(key);
        if (row) row.end = Math.max(row.end, this.endOf(ttl));
        return row !== undefined;
      }
    },
    noticedBy: whereTouch('shortens the life of a session by touching it'),
  },
  'creates by `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        const found = await super.touch(key, ttl);
        if (!found) this.write(key, '{}', ttl);
        return found;
      }
    },
    noticedBy: whereTouch('does not create a session by touching it'),
  },
  'answers true to each `touch`': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        await super.touch(key, ttl);
        return true;
      }
    },
    noticedBy: whereTouch('does not restore a destroyed session by touching it'),
  },
  'marks what was destroyed, and forgets the mark by `touch`': {
    client: class extends RightTouchableClient {
      readonly #destroyed = new Set<string>();
      override async destroy(key: string) {
        this.#destroyed.add(key);
      }
      override find(key: string) {
        return this.#destroyed.has(key) ? undefined : super.find(key);
      }
      override write(key: string, text: string, ttl: number) {
        this.#destroyed.delete(key);
        return super.write(key, text, ttl);
      }
      override async touch(key: string, ttl: number) {
        const found = await super.touch(key, ttl);
        this.#destroyed.delete(key);
        return found;
      }
    },
    noticedBy: whereTouch('does not restore a destroyed session by touching it'),
  },
  'touches an expired session': {
    client: class extends RightTouchableClient {
      override async touch(key: string, ttl: number) {
        const row = this.rows.get(key);
        if (row) row.end = this.endOf(ttl);
        return row !== undefined;
      }
    },
    noticedBy: whereTouch('does not restore an expired session by touching it'),
  },
};

class Faulty extends RightCompareAndSetClient {
  protected refuse({ text, revision }: Row): SwapResult {
    return { ok: false, record: text, revision };
  }
}

/** Faults of the methods for compare-and-set. */
const ofCompareAndSet: Record<string, Omit<Fault, 'guarantee'>> = {
  'fails to load a missing record': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        if (found === null) throw new Error('no such record');
        return found;
      }
    },
    noticedBy: 'loads nothing for a missing key',
  },
  'loads an empty record for a missing one': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        return found ?? (options?.ttl ? { record: '', revision: 0, ttl: -2 } : null);
      }
    },
    noticedBy: 'loads nothing for a missing key',
  },
  'stores JSON instead of its text': {
    client: class extends Faulty {
      override write(key: string, text: string, ttl: number) {
        return super.write(key, JSON.stringify(JSON.parse(text)), ttl);
      }
    },
    noticedBy: 'loads exactly the text that was created',
  },
  'truncates records at 64 kB': {
    client: class extends Faulty {
      override write(key: string, text: string, ttl: number) {
        return super.write(key, text.slice(0, 65535), ttl);
      }
    },
    noticedBy: 'loads exactly the text that was created',
  },
  'returns created text instead of the session': {
    client: class extends Faulty {
      readonly #created = new Set<string>();
      override async create(key: string, record: string, ttl: number) {
        this.#created.add(key);
        return super.create(key, record, ttl);
      }
      override async get(key: string) {
        const found = await super.get(key);
        return found && this.#created.has(key) ? JSON.stringify(found) : found;
      }
    },
    noticedBy: 'gets a record that was created as text',
  },
  'loads an object instead of text for a session that was set': {
    client: class extends Faulty {
      readonly #set = new Set<string>();
      override async set(key: string, session: Session, ttl: number) {
        this.#set.add(key);
        return super.set(key, session, ttl);
      }
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        return found && this.#set.has(key) ? { ...found, record: JSON.parse(found.record) as string } : found;
      }
    },
    noticedBy: 'loads the text of a session that was set, and swaps it',
  },
  'keeps sessions in a separate format': {
    client: class extends Faulty {
      override stringify(session: Session) {
        return `v1:${super.stringify(session)}`;
      }
      override parse(text: string) {
        return super.parse(text.replace('v1:', ''));
      }
    },
    noticedBy: 'loads the text of a session that was set, and swaps it',
  },
  'does not report the remaining lifetime': {
    client: class extends Faulty {
      override async load(key: string) {
        return super.load(key);
      }
    },
    noticedBy: 'reports the remaining lifetime of a record',
  },
  'reports the remaining lifetime in seconds': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        return found?.ttl === undefined ? found : { ...found, ttl: Math.ceil(found.ttl / 1000) };
      }
    },
    noticedBy: 'reports the remaining lifetime of a record',
  },
  'reports the end of a record instead of the remaining lifetime': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        return found?.ttl === undefined ? found : { ...found, ttl: Date.now() + found.ttl };
      }
    },
    noticedBy: 'reports the remaining lifetime of a record',
  },
  'creates over another record': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        return this.write(key, record, ttl).revision;
      }
    },
    noticedBy: 'does not create a record over another one',
  },
  'reports a creation that did not happen': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        const revision = await super.create(key, record, ttl);
        return revision || this.find(key)?.revision;
      }
    },
    noticedBy: 'does not create a record over another one',
  },
  'refuses to create its own text again': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        return !this.find(key) && this.write(key, record, ttl).revision;
      }
    },
    noticedBy: 'accepts its own text when a creation is repeated',
  },
  'returns no revision for its own text': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        const row = this.find(key);
        if (!row) return this.write(key, record, ttl).revision;
        return row.text === record;
      }
    },
    noticedBy: 'accepts its own text when a creation is repeated',
  },
  'creates in two steps': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        const row = this.find(key);
        await soon();
        if (!row) return this.write(key, record, ttl).revision;
        return row.text === record && row.revision;
      }
    },
    noticedBy: 'lets only one of many creations succeed',
  },
  'creates records without a ttl': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        return super.create(key, record, Math.max(ttl, DAY));
      }
    },
    noticedBy: 'creates a record that lives for its ttl',
  },
  'does not create over an expired record': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        if (this.rows.has(key) && !this.find(key)) return false;
        return super.create(key, record, ttl);
      }
    },
    noticedBy: 'creates a record in place of an expired one',
  },
  'returns the old revision after a swap': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const result = await super.swap(key, record, ttl, expected);
        return result.ok ? { ok: true as const, revision: expected } : result;
      }
    },
    noticedBy: 'swaps the expected revision, and then the one that it returned',
  },
  'returns another revision with the ttl': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const found = await super.load(key, options);
        return found && options?.ttl ? { ...found, revision: `${found.revision}` } : found;
      }
    },
    noticedBy: 'swaps a loaded revision',
  },
  'swaps any revision': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number): Promise<SwapResult> {
        if (!this.find(key)) return { ok: false, gone: true };
        return { ok: true, revision: this.write(key, record, ttl).revision };
      }
    },
    noticedBy: 'swaps no other revision, and returns the stored record',
  },
  'does not return the stored record': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const result = await super.swap(key, record, ttl, expected);
        return result.ok || result.gone ? result : ({ ok: false } as SwapResult);
      }
    },
    noticedBy: 'swaps no other revision, and returns the stored record',
  },
  'shows the revision that was expected instead': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const result = await super.swap(key, record, ttl, expected);
        return result.ok || result.gone ? result : { ...result, revision: expected };
      }
    },
    noticedBy: 'swaps no other revision, and returns the stored record',
  },
  'keeps the revision on set': {
    client: class extends Faulty {
      override async set(key: string, session: Session, ttl: number) {
        const { revision } = this.find(key) ?? {};
        const row = this.write(key, this.stringify(session), ttl);
        row.revision = revision ?? row.revision;
      }
    },
    noticedBy: 'does not swap a revision that `set` has replaced',
  },
  'refuses to repeat a swap to its own text': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const row = this.find(key);
        if (row && row.revision !== expected) return this.refuse(row);
        return super.swap(key, record, ttl, expected);
      }
    },
    noticedBy: 'accepts its own text when a swap is repeated',
  },
  'swaps in two steps': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown): Promise<SwapResult> {
        const row = this.find(key);
        await soon();
        if (!row) return { ok: false, gone: true };
        if (row.text !== record && row.revision !== expected) return this.refuse(row);
        return { ok: true, revision: this.write(key, record, ttl).revision };
      }
    },
    noticedBy: 'lets only one of many swaps succeed',
  },
  'swaps slowly, and restores a destroyed record': {
    client: class extends Faulty {
      readonly #swapping = new Set<string>();
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const row = this.find(key);
        if (row?.revision !== expected || this.#swapping.has(key)) return super.swap(key, record, ttl, expected);
        this.#swapping.add(key);
        await soon();
        this.#swapping.delete(key);
        return { ok: true as const, revision: this.write(key, record, ttl).revision };
      }
    },
    noticedBy: 'leaves nothing behind when swaps and touches meet a destroy',
  },
  'creates by `swap`': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const result = await super.swap(key, record, ttl, expected);
        if (!result.ok && result.gone) return { ok: true as const, revision: this.write(key, record, ttl).revision };
        return result;
      }
    },
    noticedBy: 'does not swap a missing or destroyed record',
  },
  'does not report a missing record': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const result = await super.swap(key, record, ttl, expected);
        return !result.ok && result.gone ? ({ ok: false } as SwapResult) : result;
      }
    },
    noticedBy: 'does not swap a missing or destroyed record',
  },
  'swaps an expired record': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const row = this.rows.get(key);
        if (row && row.revision === expected) row.end = Math.max(row.end, this.endOf(1000));
        return super.swap(key, record, ttl, expected);
      }
    },
    noticedBy: 'does not swap an expired record',
  },
  'loads an expired record': {
    client: class extends Faulty {
      override async load(key: string, options?: { ttl?: boolean }) {
        const row = this.rows.get(key);
        if (row && !options?.ttl) return { record: row.text, revision: row.revision };
        return super.load(key, options);
      }
    },
    noticedBy: 'neither loads nor touches an expired record',
  },
  'restarts its revisions': {
    client: class extends Faulty {
      override write(key: string, text: string, ttl: number) {
        const { revision = 0 } = this.find(key) ?? {};
        return Object.assign(super.write(key, text, ttl), { revision: revision + 1 });
      }
    },
    noticedBy: 'distinguishes a record from one created after it under its key',
  },
  'keeps the old lifetime on swap': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const { end } = this.find(key) ?? {};
        const result = await super.swap(key, record, ttl, expected);
        if (result.ok) Object.assign(this.rows.get(key) ?? {}, { end });
        return result;
      }
    },
    noticedBy: 'gives a swapped record its new ttl',
  },
  'changes the revision by `touch`': {
    client: class extends Faulty {
      override async touch(key: string, ttl: number) {
        const found = await super.touch(key, ttl);
        const row = found && this.find(key);
        if (row) row.revision = this.newRevision();
        return found;
      }
    },
    noticedBy: 'swaps a revision that was touched since',
  },
  'stores the end of a created record as a date': {
    client: class extends Faulty {
      override async create(key: string, record: string, ttl: number) {
        new Date(this.endOf(ttl)).toISOString();
        return super.create(key, record, ttl);
      }
    },
    noticedBy: 'accepts long ttls in `create`, `swap` and `touch`',
  },
  'returns the marker as a session': {
    client: class extends Faulty {
      override parse(text: string) {
        return super.parse(text) ?? {};
      }
    },
    noticedBy: 'does not return the marker of a regenerated session as a session',
  },
  'knows only one marker': {
    client: class extends Faulty {
      override write(key: string, text: string, ttl: number) {
        return super.write(key, text.trim(), ttl);
      }
    },
    noticedBy: 'does not return the marker of a regenerated session as a session',
  },
  'touches the marker': {
    client: class extends Faulty {
      override isMark() {
        return false;
      }
    },
    noticedBy: 'neither swaps nor extends the marker of a regenerated session',
  },
  'mistakes one marker for another': {
    client: class extends Faulty {
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        const row = this.find(key);
        if (row && this.isMark(row.text) && this.isMark(record)) return { ok: true as const, revision: row.revision };
        return super.swap(key, record, ttl, expected);
      }
    },
    noticedBy: 'neither swaps nor extends the marker of a regenerated session',
  },
  'lacks `swap`': {
    client: class extends RightTouchableClient {
      readonly load = async () => null;
      readonly create = async () => false;
    },
    noticedBy: "reaches the guarantee 'compare-and-set'",
  },
};

/** Faults of what a client is said to be. */
const ofClaims: Record<string, Fault> = {
  'can do more than it claims': { client: RightCompareAndSetClient, noticedBy: "reaches the guarantee 'last-write'" },
  'is not a client': {
    client: class implements Partial<SessionStore> {
      async get() {}
    },
    noticedBy: 'keeps the sessions of a Store as long as their cookie',
  },
};

export const faults: Readonly<Record<string, Fault>> = {
  ...ofClaims,
  ...ofSessions,
  ...ofKeys,
  ...ofTime,
  ...ofTouch,
  ...Object.fromEntries(
    Object.entries<Fault>({
      ...ofCompareAndSet,
      ...faultsOfEnding,
      ...faultsOfIndexes,
      ...faultsOfWalks,
      ...faultsOfMessages,
    }).map(([what, fault]) => [what, { ...fault, guarantee: 'compare-and-set' as const }]),
  ),
};

/** As shells and SQL do. */
function matches(text: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[\\^$+.()|{}[\]]/g, '\\$&')
    .replaceAll(/[*%]/g, '.*')
    .replaceAll(/[?_]/g, '.');
  return new RegExp(`^${source}$`, 'su').test(text);
}
