import { SessionError } from '../base/errors';
import type { CookieOptions, OnConflict, Session } from '../base/types';
import { SessionCookie } from '../cookies/session-cookie';
import type { Draft, Stored, Version } from '../persistence/records';
import type { Store } from '../persistence/store';
import { applyChange, type Change } from '../record/merge';
import { isEmpty, isSessionData, parseRecord, type SessionData, serialize, toPlain } from '../record/record';
import { Baseline } from './baseline';

/**
 * What the handlers have done with the session; `replaced`: one has assigned another object since it was last stored.
 */
type Hand = 'nothing' | 'given' | 'replaced';

/** A session on its way into the store and to the visitor. */
export interface SessionDraft extends Draft {
  /** The session with its cookie, as the ttl rule and the id store read it. */
  session: Session;
}

/** The session object that handlers work with: a plain one with its cookie inside, and so is its record. */
export class HeldSession {
  /** The session as it is, without making one: `undefined` until somebody asks, `null` once destroyed. */
  current: Session | null | undefined;
  /** The record that the session belongs to, as it was read or saved last; none for a new one. */
  stored: Baseline | undefined;
  #hand: Hand = 'nothing';
  readonly #cookieDefaults: () => Readonly<CookieOptions>;
  #cookie: SessionCookie | undefined;

  constructor(cookieDefaults: () => Readonly<CookieOptions>) {
    this.#cookieDefaults = cookieDefaults;
  }

  /** Whether a handler has received the session, so that it may have changed. */
  get used(): boolean {
    return this.#hand !== 'nothing';
  }

  get replaced(): boolean {
    return this.#hand === 'replaced';
  }

  /** A handler receives the session. */
  give(): void {
    if (this.#hand === 'nothing') this.#hand = 'given';
  }

  /** The version of the record to which changes are applied. */
  get version(): Version {
    const stored = this.stored as Baseline;
    stored.record ??= stored.text;
    return stored;
  }

  /** The session, created from its record on first use. */
  take(): Session | null {
    if (this.current === undefined) this.current = this.stored === undefined ? this.make() : this.takeStored();
    return this.current;
  }

  /** The record as a session, even if a handler has assigned another one. */
  takeStored(): Session {
    return (this.stored as Baseline).open(this.cookieInUse);
  }

  /** @throws SessionError `ERR_SESSION_VALUE` if the value cannot be a session. */
  assign(value: unknown): void {
    if (value && (!isSessionData(value) || typeof value['then'] === 'function')) {
      const got = Array.isArray(value) ? 'an array' : value instanceof Promise ? 'a promise: await it' : typeof value;
      throw new SessionError(
        'ERR_SESSION_VALUE',
        `Expected ctx.session to be set to an object, or to null to destroy it, got ${got}`,
      );
    }
    this.current = this.adopt((value || null) as Session | null);
    this.#hand = 'replaced';
  }

  /**
   * Connects the session to this record. A session that a deferred handler has assigned stays, with the record's
   * cookie.
   */
  bind(stored: Stored, cookie = SessionCookie.fromRecord(this.#cookieDefaults(), stored.data['cookie'])): void {
    this.stored = new Baseline(stored, stored.data);
    if (this.#cookie?.changed) return;
    const session = this.current;
    if (session && this.#carriesOurs(session) && Object.isExtensible(session)) session.cookie = cookie;
    this.#cookie = cookie;
  }

  /** Starts an empty session without a record. Its cookie replaces the previous one. */
  reset(): void {
    const scope = this.#cookie?.scope();
    this.current = this.stored = undefined;
    this.#cookie = scope && new SessionCookie(this.#cookieDefaults(), scope);
    this.#hand = 'nothing';
  }

  /** Ends the session with this request. */
  destroy(): void {
    this.current = null;
    this.#cookie = this.stored = undefined;
  }

  /** The session with its cookie as sent, for clearing it. */
  asSent(): Session {
    return { ...this.takeStored(), cookie: this.cookieInUse.attributesAsSent(this.stored?.cookieJson) };
  }

  /**
   * The session's cookies that browsers may hold: the one sent last, and those that earlier options put in other
   * places.
   */
  cookiesAsSent(): CookieOptions[] {
    return this.stored ? this.cookieInUse.allAsSent(this.stored.cookieJson) : [];
  }

  /** The cookie to send. */
  get cookie(): SessionCookie {
    return this.current ? this.cookieOf(this.current) : this.cookieInUse;
  }

  protected get cookieInUse(): SessionCookie {
    this.#cookie ??= new SessionCookie(this.#cookieDefaults());
    return this.#cookie;
  }

  /** @throws SessionError `ERR_SESSION_COOKIE` if the application stores other data under `cookie`. */
  cookieOf(session: Session): SessionCookie {
    const own: unknown = session.cookie;
    if (own instanceof SessionCookie) return own;
    if (own === undefined || own === null) return this.cookieInUse;
    if (!isSessionData(own)) {
      throw new SessionError(
        'ERR_SESSION_COOKIE',
        `\`ctx.session.cookie\` holds the cookie's attributes: expected an object, got ${Array.isArray(own) ? 'an array' : typeof own}. Keep your own data under another name.`,
      );
    }
    const cookie = SessionCookie.assigned(own, this.cookieInUse);
    if (Object.isExtensible(session)) session.cookie = cookie;
    this.#cookie = cookie;
    return cookie;
  }

  get isEmpty(): boolean {
    return !this.current || isEmpty(this.current);
  }

  text(session: Session): string {
    return serialize(session, this.cookieOf(session));
  }

  /**
   * The session's text, where it is another than its record's. New cookie options alone are no change: they reach the record with the
   * next one.
   */
  modifiedText(session: Session): string | undefined {
    const stored = this.stored as Baseline;
    if (!this.#cookie?.changed && stored.isUntouched(session)) return undefined;
    const text = this.text(session);
    const { text: base } = stored;
    if (text === base) return undefined;
    const cookie = this.cookieOf(session);
    if (cookie.changed || cookie.isPlainIn(base)) return text;
    if (JSON.stringify(stored.cookieJson) === JSON.stringify(cookie)) return text;
    return serialize(session, stored.cookieJson) === base ? undefined : text;
  }

  /** The session for code that reads its cookie: an object that cannot be extended has none. */
  withCookie(session: Session): Session {
    const cookie = this.cookieOf(session);
    return session.cookie === cookie ? session : { ...session, cookie };
  }

  /** The session ready for writing; `text` is its text if already known. */
  draft(session: Session, rule: Pick<Store, 'ttlOf'>, text?: string): SessionDraft {
    const cookie = this.cookieOf(session);
    cookie.check();
    const record = text ?? this.text(session);
    const shown = this.withCookie(session);
    return { record, ttl: rule.ttlOf(shown), plain: () => this.plain(session, cookie), session: shown };
  }

  /** The changes of the handlers; `handled` is the text before `beforeSave` ran. */
  change(mine: string, handled: string): Change {
    const { text: base } = this.stored as Baseline;
    return { base, mine, handled, replaced: this.replaced, cookieChanged: this.cookie.changed };
  }

  /** The session was stored as `text`, or as `version` if other requests' changes were merged into it. */
  landed(version: Version, text: string): void {
    this.stored = new Baseline(version, this.current as Session, this.cookie.toJSON());
    this.stored.compareWith(text);
    if (this.replaced) this.#hand = 'given';
  }

  /** The data of a record, without its cookie and its notes about the lifetime. */
  dataOf({ cookie: _, ...data }: SessionData): SessionData {
    return data;
  }

  /** Continues from another version of the record, with what handlers have changed so far. */
  rebase(stored: Stored, onConflict: OnConflict): void {
    const session = this.current;
    if (session) this.cookieOf(session).check();
    const mine = session && this.text(session);
    const merged =
      mine && applyChange(this.change(mine, mine), stored.record ?? JSON.stringify(stored.data), onConflict);
    this.bind(stored);
    if (merged) this.show(merged);
  }

  /** The session as stored, for code that reads its cookie, which another request may have changed. */
  storedAs({ cookie, record }: Version, session: Session): Session {
    const stored = cookie === undefined ? parseRecord(record as string)?.['cookie'] : JSON.parse(cookie);
    // Usually it is unchanged, which saves copying a large session.
    if (JSON.stringify(stored) === JSON.stringify(this.cookieOf(session))) return session;
    return { ...session, cookie: SessionCookie.fromRecord(this.#cookieDefaults(), stored) };
  }

  /** Updates the session object to the contents of `record`, and keeps its identity. */
  show(record: string): Session {
    this.current = this.refilled(parseRecord(record) as SessionData);
    return this.current;
  }

  protected refilled(data: SessionData): Session {
    const cookie = SessionCookie.fromRecord(this.#cookieDefaults(), data['cookie']);
    const session = this.current;
    this.#cookie = cookie;
    if (!session || !Object.isExtensible(session)) return { ...data, cookie };
    for (const key of Object.keys(session)) if (!Object.hasOwn(data, key)) delete session[key];
    for (const key of Object.keys(data)) {
      if (key !== 'cookie')
        Object.defineProperty(session, key, { value: data[key], configurable: true, enumerable: true, writable: true });
    }
    session.cookie = cookie;
    return session;
  }

  /** A session of no data. */
  protected make(): Session {
    return { cookie: this.cookieInUse };
  }

  /** The session that is what a handler has assigned. */
  protected adopt(session: Session | null): Session | null {
    // Not enumerable: the object belongs to the application, and the cookie is not part of its data.
    if (session !== null && !this.#hasOwnCookie(session) && Object.isExtensible(session))
      Object.defineProperty(session, 'cookie', { value: this.cookieInUse, writable: true, configurable: true });
    return session;
  }

  /** A plain object, for clients that take objects. */
  protected plain(session: Session, cookie: SessionCookie): SessionData {
    return toPlain(session, cookie);
  }

  /**
   * Whether the cookie belongs to the application or to this session. An object given to several visitors has another
   * session's cookie.
   */
  #hasOwnCookie(session: Session): boolean {
    if (!Object.hasOwn(session, 'cookie')) return false;
    return !(session.cookie instanceof SessionCookie) || this.#carriesOurs(session);
  }

  /** Whether the session has this session's cookie, or a Proxy of it. */
  #carriesOurs({ cookie }: Session): boolean {
    if (cookie === this.#cookie) return true;
    return this.#cookie !== undefined && cookie instanceof SessionCookie && this.#cookie.standsBehind(cookie);
  }
}
