import { SessionError } from '../base/errors';
import type { CookieOptions, OnConflict, Session } from '../base/types';
import { SessionCookie } from '../cookies/session-cookie';
import type { Draft, Version } from '../persistence/records';
import { applyChange, type Change } from '../record/merge';
import { isEmpty, isSessionData, parseRecord, type SessionData, serialize, stringify, toPlain } from '../record/record';
import type { SessionCodec } from './settings';
import { isUnchanged, type Snapshot, snapshotOf } from './snapshot';

/** A record that this request works on. */
export interface Stored extends Version {
  data: SessionData;
  /** Milliseconds that the record had left when it was read, where the store told. */
  ttl: number | undefined;
}

/** The longest text, in characters, of which a snapshot is taken: of a longer one it would cost a request that writes too much. */
const LONGEST_SNAPSHOT = 2048;

/** Writers that landed together have one version: its cookie is read once. */
const storedCookies = new WeakMap<Version, unknown>();

function cookieStoredAs(version: Version): unknown {
  if (!storedCookies.has(version)) storedCookies.set(version, readCookie(version));
  return storedCookies.get(version);
}

function readCookie({ cookie, record }: Version): unknown {
  return cookie === undefined ? parseRecord(record as string)?.['cookie'] : JSON.parse(cookie);
}

/** What the handlers have done with the session; `replaced`: since it was stored last, one has assigned another object. */
type Hand = 'nothing' | 'given' | 'replaced';

/** A session on its way into the store and to the visitor. */
export interface SessionDraft extends Draft {
  /** The session with its cookie, as the ttl rule and the id store read it. */
  session: Session;
}

/** Finds out how long a session's record is to live, in milliseconds. */
interface TtlRule {
  ttlOf(session: Session): number;
}

/** The session object that handlers work with, and what it has to be compared with to see what they did. */
export class HeldSession {
  #hand: Hand = 'nothing';
  readonly #cookieDefaults: () => Readonly<CookieOptions>;
  readonly #shape: SessionCodec | undefined;
  /** `undefined` until somebody asks, `null` once destroyed. */
  #session: Session | null | undefined;
  #cookie: SessionCookie | undefined;
  #stored: Stored | undefined;
  /** The text that the session was made from, or last saved as. */
  #base: string | undefined;
  /** What the session held as it was made from its record; `null` where only its text can tell whether it has changed. */
  #snapshot: Snapshot | null | undefined;
  /** The cookie within that text. */
  #storedCookie: unknown;

  constructor(cookieDefaults: () => Readonly<CookieOptions>, shape?: SessionCodec) {
    this.#cookieDefaults = cookieDefaults;
    this.#shape = shape;
  }

  /** The session as it is, without making one. */
  get current(): Session | null | undefined {
    return this.#session;
  }

  /** Whether a handler has had the session in hand, so that it may have changed. */
  get used(): boolean {
    return this.#hand !== 'nothing';
  }

  get replaced(): boolean {
    return this.#hand === 'replaced';
  }

  /** A handler gets the session in hand. */
  give(): void {
    if (this.#hand === 'nothing') this.#hand = 'given';
  }

  /** The record that the session belongs to; none for a new one. */
  get stored(): Stored | undefined {
    return this.#stored;
  }

  /** The version of the record that changes are made to. */
  get version(): Version {
    const { record, revision, reservedUntil } = this.#stored as Stored;
    return { record: record ?? this.#baseText(), revision, reservedUntil };
  }

  /** The session, made from its record on first use. */
  take(): Session | null {
    if (this.#session === undefined) this.#session = this.#stored === undefined ? this.#makeNew() : this.takeStored();
    return this.#session;
  }

  /** The record as a session, whatever a handler has assigned since. */
  takeStored(): Session {
    const { data, record } = this.#stored as Stored;
    if (this.#shape !== undefined) return this.#makeShaped(this.#shape, data);
    this.#base = this.#baseText();
    if (Object.isExtensible(data)) data['cookie'] = this.#cookieInUse();
    // Once: from now on somebody may change it. What a client has not told as a text may be its own, and hold anything.
    if (this.#snapshot === undefined)
      this.#snapshot = record !== undefined && record.length <= LONGEST_SNAPSHOT ? snapshotOf(data, record) : null;
    return data as Session;
  }

  /** @throws SessionError `ERR_SESSION_VALUE` for what cannot be a session. */
  assign(value: unknown): void {
    if (value && (!isSessionData(value) || typeof value['then'] === 'function')) {
      const got = Array.isArray(value) ? 'an array' : value instanceof Promise ? 'a promise: await it' : typeof value;
      throw new SessionError(
        'ERR_SESSION_VALUE',
        `Expected ctx.session to be set to an object, or to null to destroy it, got ${got}`,
      );
    }
    const session = (value || null) as Session | null;
    // What it takes the place of tells what has changed.
    if (this.#shape !== undefined && this.#stored !== undefined) this.take();
    this.#hand = 'replaced';
    this.#session = session;
    if (this.#shape !== undefined) this.#session = session && (this.#shape.make(session) as Session);
    else if (session !== null && !this.#hasOwnCookie(session) && Object.isExtensible(session)) {
      // Not enumerable: it is the application's object, and the cookie is none of its data.
      Object.defineProperty(session, 'cookie', { value: this.#cookieInUse(), writable: true, configurable: true });
    }
  }

  /** The session belongs to this record. What a deferred handler has assigned before stays, under the record's cookie. */
  bind(stored: Stored, cookie = SessionCookie.fromRecord(this.#cookieDefaults(), stored.data['cookie'])): void {
    this.#stored = stored;
    this.#base = this.#snapshot = undefined;
    this.#storedCookie = stored.data['cookie'];
    if (this.#shape !== undefined) return;
    const session = this.#session;
    if (session && this.#carriesOurs(session) && !this.#cookie?.changed && Object.isExtensible(session))
      session.cookie = cookie;
    if (!this.#cookie?.changed) this.#cookie = cookie;
  }

  /** The session belongs to no record any more; its data stays in hand. */
  unbind(): void {
    this.#stored = this.#base = this.#snapshot = this.#storedCookie = undefined;
  }

  /** An empty session, without a record; its cookie takes the place of the one before. */
  reset(): void {
    const scope = this.#cookie?.scope();
    this.unbind();
    this.#session = undefined;
    this.#cookie = scope && new SessionCookie(this.#cookieDefaults(), scope);
    this.#hand = 'nothing';
  }

  /** The session ends with this request. */
  destroy(): void {
    this.#session = null;
    this.#cookie = undefined;
    this.unbind();
  }

  /** A session of no data, for whoever takes the cookie back. */
  withOwnCookie(): Session {
    return { cookie: this.cookie };
  }

  /** The session with its cookie as it was sent, for whoever takes it back. */
  asSent(): Session {
    if (this.#shape !== undefined) return this.#stored?.data as Session;
    return { ...this.takeStored(), cookie: this.#cookieInUse().attributesAsSent(this.#storedCookie) };
  }

  /** The cookies that browsers may hold of the session: the one that was sent last, and those that earlier options put elsewhere. */
  cookiesAsSent(): CookieOptions[] {
    return this.#shape === undefined && this.#stored ? this.#cookieInUse().allAsSent(this.#storedCookie) : [];
  }

  /** How the session's cookie is to be sent. */
  get cookie(): SessionCookie {
    return this.#session ? this.#cookieOf(this.#session) : this.#cookieInUse();
  }

  get isEmpty(): boolean {
    if (this.#session && this.#shape !== undefined) return this.#shape.isEmpty(this.#session);
    return !this.#session || isEmpty(this.#session);
  }

  /** Makes the session's text one that no other request can come to, so that a store cannot take another's for it. */
  stamp(session: Session, stamp?: string): void {
    this.#cookieOf(session).stamp(stamp);
  }

  /** The session's text, with a cookie that can be sent. */
  draftText(session: Session): string {
    this.#cookieOf(session).check();
    return this.text(session);
  }

  /** The session's text. */
  text(session: Session): string {
    const shape = this.#shape;
    if (shape !== undefined) return stringify(() => shape.toData(session));
    return serialize(session, this.#cookieOf(session));
  }

  /** The session's text, where it is another than its record's. */
  modifiedText(session: Session): string | undefined {
    if (this.#snapshot && isUnchanged(session, this.#snapshot) && !this.#cookie?.changed) return undefined;
    const text = this.text(session);
    return this.#isModified(session, text) ? text : undefined;
  }

  /** Compares texts. New cookie options alone are no change: they reach the record with the next one. */
  #isModified(session: Session, text: string): boolean {
    const base = this.#baseText();
    if (text === base) return false;
    if (this.#shape !== undefined) return true;
    const cookie = this.#cookieOf(session);
    if (cookie.changed || cookie.isPlainIn(base)) return true;
    if (JSON.stringify(this.#storedCookie) === JSON.stringify(cookie)) return true;
    return serialize(session, this.#storedCookie) !== base;
  }

  /** Milliseconds that the session's record is to live. */
  ttl(session: Session, rule: TtlRule): number {
    return rule.ttlOf(this.withCookie(session));
  }

  /** The session, ready to be written; `text` is its text where that is known already. */
  draft(session: Session, rule: TtlRule, text?: string): SessionDraft {
    const shape = this.#shape;
    const cookie = this.#cookieOf(session);
    cookie.check();
    const record = text ?? this.text(session);
    const plain = () => shape?.toData(session) ?? toPlain(session, cookie);
    const shown = shape === undefined ? carrying(session, cookie) : (shape.toData(session) as Session);
    return { record, ttl: rule.ttlOf(shown), plain, session: shown };
  }

  /** The session for whoever reads its cookie: an object that cannot be extended carries none. */
  withCookie(session: Session): Session {
    if (this.#shape !== undefined) return this.#shape.toData(session) as Session;
    return carrying(session, this.#cookieOf(session));
  }

  /** What handlers did; `handled` is the text before `beforeSave` ran. */
  change(mine: string, handled: string): Change {
    return {
      base: this.#baseText(),
      mine,
      handled,
      replaced: this.replaced,
      cookieChanged: this.cookie.changed,
    };
  }

  /** The session is stored as `text`; with other requests' changes it may have become `version`. */
  landed({ record, revision }: Version, text: string): void {
    this.#stored = { record, revision, data: this.#session as Session, ttl: undefined };
    this.#storedCookie = this.cookie.toJSON();
    this.#base = text;
    this.#snapshot = null;
    if (this.#hand === 'replaced') this.#hand = 'given';
  }

  /** What a record holds, but for its cookie and what says how long it lives. */
  dataOf(record: SessionData): SessionData {
    const { cookie: _, ...data } = record;
    return this.#shape === undefined ? data : this.#shape.dataOf(record);
  }

  /** The session's text with what other requests have stored since this one read the record. */
  mergedWith(record: string, onConflict: OnConflict): string {
    const session = this.take() as Session;
    const mine = this.draftText(session);
    return applyChange(this.change(mine, mine), record, onConflict);
  }

  /** The session goes on from another version of its record, with what handlers have changed so far. */
  rebase(stored: Stored, onConflict: OnConflict): void {
    const isTouched = this.#session !== undefined;
    const text = isTouched ? this.mergedWith(stored.record ?? JSON.stringify(stored.data), onConflict) : '';
    this.bind(stored);
    if (isTouched) this.show(text);
  }

  /** The session as it was stored, for whoever reads its cookie: another request may have set that. */
  storedAs(version: Version, session: Session): Session {
    if (this.#shape !== undefined) return session;
    const stored = cookieStoredAs(version);
    // Mostly nobody has: the copy of a large session is saved.
    if (JSON.stringify(stored) === JSON.stringify(this.#cookieOf(session))) return session;
    return { ...session, cookie: SessionCookie.fromRecord(this.#cookieDefaults(), stored) };
  }

  /** The session object now holds what `record` does, and keeps its identity. */
  show(record: string): Session {
    const data = parseRecord(record) as SessionData;
    if (this.#shape !== undefined) return this.#showShaped(this.#shape, data);
    const cookie = SessionCookie.fromRecord(this.#cookieDefaults(), data['cookie']);
    const session = this.#session;
    this.#cookie = cookie;
    if (!session || !Object.isExtensible(session)) {
      this.#session = { ...data, cookie };
      return this.#session;
    }
    for (const key of Object.keys(session)) if (!Object.hasOwn(data, key)) delete session[key];
    for (const key of Object.keys(data)) {
      if (key !== 'cookie')
        Object.defineProperty(session, key, { value: data[key], configurable: true, enumerable: true, writable: true });
    }
    session.cookie = cookie;
    return session;
  }

  /** A cookie of the application's, or of this session: what several visitors are given comes with another's. */
  #hasOwnCookie(session: Session): boolean {
    if (!Object.hasOwn(session, 'cookie')) return false;
    return !(session.cookie instanceof SessionCookie) || this.#carriesOurs(session);
  }

  /** Whether a session carries this session's cookie: it, or a Proxy before it. */
  #carriesOurs({ cookie }: Session): boolean {
    if (cookie === this.#cookie) return true;
    return this.#cookie !== undefined && cookie instanceof SessionCookie && this.#cookie.standsBehind(cookie);
  }

  #makeNew(): Session {
    return this.#shape === undefined ? { cookie: this.#cookieInUse() } : (this.#shape.make(undefined) as Session);
  }

  #makeShaped(shape: SessionCodec, data: SessionData): Session {
    const session = shape.make(data) as Session;
    this.#base = this.text(session);
    return session;
  }

  #showShaped(shape: SessionCodec, data: SessionData): Session {
    if (this.#session) shape.refill(this.#session, data);
    else this.#session = shape.make(data) as Session;
    return this.#session;
  }

  #cookieInUse(): SessionCookie {
    this.#cookie ??= new SessionCookie(this.#cookieDefaults());
    return this.#cookie;
  }

  /** @throws SessionError `ERR_SESSION_COOKIE` where the application keeps data of its own under `cookie`. */
  #cookieOf(session: Session): SessionCookie {
    const own: unknown = session.cookie;
    if (own instanceof SessionCookie) return own;
    if (own === undefined || own === null || this.#shape !== undefined) return this.#cookieInUse();
    if (!isSessionData(own)) {
      throw new SessionError(
        'ERR_SESSION_COOKIE',
        `\`ctx.session.cookie\` holds the cookie's attributes: expected an object, got ${Array.isArray(own) ? 'an array' : typeof own}. Keep your own data under another name.`,
      );
    }
    this.#cookie = SessionCookie.assigned(own, this.#cookieInUse());
    if (Object.isExtensible(session)) session.cookie = this.#cookie;
    return this.#cookie;
  }

  #baseText(): string {
    const stored = this.#stored as Stored;
    return this.#base ?? stored.record ?? JSON.stringify(stored.data);
  }
}

/** An object that cannot be extended carries no cookie. */
function carrying(session: Session, cookie: SessionCookie): Session {
  return session.cookie === cookie ? session : { ...session, cookie };
}
