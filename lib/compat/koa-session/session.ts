import { inspect } from 'node:util';
import type { Callback, MaxAge, Session, SessionRecord } from './types';

/** What a session needs from its request. */
export interface SessionOwner {
  readonly options: { maxAge?: MaxAge | undefined };
  readonly externalKey: string | undefined;
  /** Saves changes; with `save`, saves unconditionally; with `regenerate`, saves under a new key. */
  persist(how: How): Promise<void>;
}

interface How {
  save?: boolean;
  regenerate?: boolean;
}

/** The session in koa-session's form: data are own properties, beside a few others. */
export class KoaSession implements Session {
  // biome-ignore lint/suspicious/noExplicitAny: so applications on koa-session have it
  [key: string]: any;
  readonly #owner: SessionOwner;
  isNew: boolean;
  /** Whether a handler has set `maxAge`, which forces a save. */
  _requireSave = false;
  /** When the session expires, according to its record. */
  _expire: number | undefined = undefined;

  constructor(owner: SessionOwner, data?: SessionRecord) {
    this.#owner = owner;
    this.isNew = data === undefined;
    if (data !== undefined) this.#fill(data);
  }

  get maxAge(): MaxAge | undefined {
    return this.#owner.options.maxAge;
  }

  set maxAge(maxAge: MaxAge | undefined) {
    this.#owner.options.maxAge = maxAge;
    this._requireSave = true;
  }

  get externalKey(): string | undefined {
    return this.#owner.externalKey;
  }

  get length(): number {
    return Object.keys(KoaSession.dataOf(this)).length;
  }

  get populated(): boolean {
    return this.length > 0;
  }

  save(): Promise<void>;
  save(callback: Callback): void;
  save(callback?: Callback): Promise<void> | undefined {
    return this.commit({ save: true }, callback);
  }

  regenerate(): Promise<void>;
  regenerate(callback: Callback): void;
  regenerate(callback?: Callback): Promise<void> | undefined {
    return this.commit({ regenerate: true }, callback);
  }

  manuallyCommit(): Promise<void> {
    return this.#owner.persist({});
  }

  commit(how?: How | Callback, callback?: Callback): Promise<void> | undefined {
    if (typeof how === 'function') return this.commit({}, how);
    const persisted = this.#owner.persist(how ?? {});
    if (callback === undefined) return persisted;
    persisted.then(() => callback(), callback);
    return undefined;
  }

  toJSON(): Record<string, unknown> {
    return KoaSession.dataOf(this);
  }

  inspect(): Record<string, unknown> {
    return this.toJSON();
  }

  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }

  /** The session's data. Static, since data may hide a method of the same name, for example from an unsigned cookie. */
  static dataOf(session: KoaSession): Record<string, unknown> {
    return Object.fromEntries(Object.entries(session).filter(([key, value]) => isData(key, value)));
  }

  /** Replaces the data of a session with its record's. */
  static refill(session: KoaSession, data: SessionRecord): void {
    for (const key of Object.keys(KoaSession.dataOf(session))) if (!Object.hasOwn(data, key)) delete session[key];
    session.#fill(data);
  }

  #fill(data: SessionRecord): void {
    for (const [key, value] of Object.entries(data)) {
      if (key === '_maxAge') this.#owner.options.maxAge = value as number;
      else if (key === '_session') this.#owner.options.maxAge = 'session';
      // Members such as `length` cannot be set; `__proto__` must not be.
      else if (key !== '__proto__') Reflect.set(this, key, value);
    }
  }
}

/** Names with an underscore are private. */
function isData(key: string, value: unknown): boolean {
  return key !== 'isNew' && typeof value !== 'function' && !key.startsWith('_');
}
