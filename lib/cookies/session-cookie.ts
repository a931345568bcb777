import { SessionError } from '../base/errors';
import { expected, isGiven } from '../base/expect';
import { type Notes, notesOf } from '../base/notes';
import { NO_STAMPS, newStamp, stampsOf, withStamp } from '../base/stamps';
import type { CookieOptions } from '../base/types';
import { COOKIE_ATTRIBUTES, type CookieAttribute, isCookieAttribute, wrongAttribute } from './attributes';

/** Attributes that a handler set, not checked yet. */
type Own = { [Name in CookieAttribute]?: unknown };

/** A cookie as stored in JSON. */
type StoredCookie = { [Name in CookieAttribute | 'own' | 'lifetime' | 'former']?: unknown };

/** The cookie in a record. */
type CookieJson = CookieOptions &
  Notes & {
    own: readonly string[];
    lifetime?: unknown;
    former?: readonly Own[];
    stamps?: readonly string[];
  };

// Symbols instead of private members: an application may put a Proxy in front of its session, and private members
// cannot be reached through a Proxy.
const DEFAULTS = Symbol('defaults');
/** What handlers set; `undefined` for most cookies. */
const OWN = Symbol('own');
const CHANGED = Symbol('changed');
/**
 * The places where browsers may hold the cookie, possibly including the current one. `undefined` means at most the
 * current one.
 */
const PLACES = Symbol('places');
const STORED = Symbol('stored');
const NOTES = Symbol('notes');
/** The notes as the record has them. */
const READ_NOTES = Symbol('read notes');
const MARK = Symbol('mark');

/** The attributes that identify a cookie, in addition to its name (RFC 6265, section 5.3). */
const PLACE = ['domain', 'path', 'partitioned'] as const;

/** The values of the optional identifying attributes if they are not set. */
const ANYWHERE = { domain: undefined, partitioned: undefined };

/** Maximum number of earlier places that are remembered for a session's cookie. */
const MOST_PLACES = 3;

/**
 * The shared JSON of cookies on which no handler has set anything: saves copying the attributes when a session is
 * touched.
 */
const plainJson = new WeakMap<Readonly<CookieOptions>, CookieJson>();

/** The same as text, as it appears in a record before the notes. */
const plainAttributes = new WeakMap<Readonly<CookieOptions>, string>();

/** The attributes are accessors on the prototype, so that a new session needs no property definitions. */
export interface SessionCookie extends CookieOptions {}

/**
 * The cookie of one session: the current options, overridden by what handlers set. Only the overrides belong to the
 * session, so that changed options reach existing sessions too. Of `expires` and `maxAge`, the one set last counts.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the accessors are defined in the static block
export class SessionCookie {
  declare readonly [DEFAULTS]: Readonly<CookieOptions>;
  declare [OWN]: Own | undefined;
  declare [CHANGED]: boolean;
  declare [PLACES]: readonly Own[] | undefined;
  declare [STORED]: boolean;
  /** What is noted about the session beside the cookie; `undefined` unless the options need it. */
  declare [NOTES]: Notes | undefined;
  declare [READ_NOTES]: Notes | undefined;
  /** The stamps that were set through a Proxy, or the mark that identifies a Proxy. */
  declare [MARK]: unknown;
  /** The stamps otherwise. Private, so that a cookie frozen with its session can still be stamped. */
  #stamps: readonly string[] = NO_STAMPS;

  constructor(defaults: Readonly<CookieOptions>, own?: Own) {
    this[DEFAULTS] = defaults;
    this[OWN] = own;
    this[CHANGED] = false;
    this[PLACES] = undefined;
    this[STORED] = false;
    this[NOTES] = this[READ_NOTES] = undefined;
    this[MARK] = undefined;
  }

  static {
    for (const name of COOKIE_ATTRIBUTES) {
      Object.defineProperty(SessionCookie.prototype, name, {
        configurable: true,
        enumerable: true, // `cookies` copies attributes with for-in
        get(this: SessionCookie) {
          const own = this[OWN];
          return own !== undefined && name in own ? own[name] : this[DEFAULTS][name];
        },
        set(this: SessionCookie, value: unknown) {
          setAttribute(this, name, value);
        },
      });
    }
  }

  /**
   * Reads the `cookie` of a record of this package or of koa-generic-session, whose handlers may have set a lifetime
   * but nothing else.
   */
  static fromRecord(defaults: Readonly<CookieOptions>, stored: unknown): SessionCookie {
    if (typeof stored !== 'object' || stored === null) return new SessionCookie(defaults);
    const cookie = new SessionCookie(defaults, ownOf(stored));
    cookie[PLACES] = placesOf(stored, cookie);
    if ('stamps' in stored || 'stamp' in stored) cookie.#stamps = stampsOf(stored);
    cookie[STORED] = true;
    cookie[NOTES] = cookie[READ_NOTES] = notesOf(stored);
    return cookie;
  }

  /** Applies what an application assigned as `session.cookie` on top of the session's previous cookie. */
  static assigned(value: object, previous: SessionCookie): SessionCookie {
    const isRecorded = 'own' in value;
    const cookie = isRecorded
      ? SessionCookie.fromRecord(previous[DEFAULTS], value)
      : new SessionCookie(previous[DEFAULTS], { ...previous[OWN] });
    // The notes are the session's, whatever cookie it is given.
    cookie[NOTES] = previous[NOTES];
    if (isRecorded) return cookie;
    cookie[PLACES] = previous[PLACES];
    cookie.#stamps = stampsIn(previous);
    cookie[STORED] = previous[STORED];
    for (const [name, attribute] of Object.entries(value)) {
      if (isCookieAttribute(name)) setAttribute(cookie, name, attribute);
      else if (name === 'maxage') cookie.maxage = attribute;
    }
    cookie[CHANGED] = true;
    return cookie;
  }

  /** Whether a handler has changed anything since the cookie was created or read. */
  get changed(): boolean {
    return this[CHANGED];
  }

  /**
   * Checks what handlers set, before anything is written. The lifetime is checked by the ttl rule.
   *
   * @throws SessionError `ERR_SESSION_COOKIE` if an attribute is invalid.
   */
  check(): void {
    if (!this[CHANGED]) return;
    const own = this[OWN];
    for (const name of COOKIE_ATTRIBUTES) {
      const value = own?.[name];
      const expectation = isLifetime(name) ? undefined : wrongAttribute(name, value);
      if (expectation === undefined) continue;
      throw new SessionError('ERR_SESSION_COOKIE', expected(`ctx.session.cookie.${name}`, expectation, value).message);
    }
  }

  /** connect's name for `maxAge`; koa-generic-session accepts both. */
  get maxage(): CookieOptions['maxAge'] {
    return this.maxAge;
  }

  set maxage(value: CookieOptions['maxAge']) {
    this.maxAge = value;
  }

  /** Adds a unique stamp to the cookie's JSON, or keeps the given one. */
  stamp(stamp = newStamp()): void {
    const stamps = withStamp(stampsIn(this), stamp);
    if (#stamps in this) this.#stamps = stamps;
    else (this as SessionCookie)[MARK] = stamps;
  }

  /** What is noted about the session. */
  get notes(): Notes | undefined {
    return this[NOTES];
  }

  /** When the session began, in milliseconds since 1970, if that is noted. */
  get began(): number | undefined {
    return this[NOTES]?.began;
  }

  /** Notes something about the session, in addition to what is noted already. */
  note(notes: Notes): void {
    // A frozen cookie cannot change.
    Reflect.set(this, NOTES, { ...this[NOTES], ...notes });
  }

  /** Whether `other` is this cookie or a Proxy in front of it, found by setting a mark here and reading it there. */
  standsBehind(other: SessionCookie): boolean {
    if (other === this) return true;
    const before = this[MARK];
    const mark = Symbol('mark');
    // A frozen cookie can only be compared.
    if (!Reflect.set(this, MARK, mark)) return false;
    const isNoted = other[MARK] === mark;
    this[MARK] = before;
    return isNoted;
  }

  /** The identifying attributes that handlers have set: a cookie that replaces this one needs the same. */
  scope(): Own {
    return scopeOf(this[OWN] ?? {});
  }

  /** The attributes that the cookie was sent with, according to a record. The current options may differ. */
  attributesAsSent(stored: unknown): CookieOptions {
    return {
      ...this.attributes(),
      ...ANYWHERE,
      ...scopeOf({ ...(stored as StoredCookie | undefined) }),
    } as CookieOptions;
  }

  /**
   * The cookies of the session that browsers may hold, according to its record: the one sent last, and those in other
   * places.
   */
  allAsSent(stored: unknown): [last: CookieOptions, ...others: CookieOptions[]] {
    const last = this.attributesAsSent(stored);
    const others = (this[PLACES] ?? []).filter((place) => !isSamePlace(place, last));
    return [last, ...others.map((place) => ({ ...last, ...ANYWHERE, ...place }) as CookieOptions)];
  }

  /** Whether browsers may hold the cookie in a place other than the current one. */
  get isElsewhere(): boolean {
    return this[PLACES] !== undefined;
  }

  /** Forgets the other places, once the cookies there have been cleared. */
  forgetPlaces(): void {
    // A frozen cookie cannot change.
    Reflect.set(this, PLACES, undefined);
  }

  /** The options object, if the cookie has no other attributes. */
  get shared(): Readonly<CookieOptions> | undefined {
    return this[OWN] === undefined ? this[DEFAULTS] : undefined;
  }

  /** All attributes as a plain object, for `cookies`. */
  attributes(): CookieOptions {
    return { ...this[DEFAULTS], ...this[OWN] } as CookieOptions;
  }

  /**
   * The `cookie` of the record: all attributes, for koa-generic-session, and `own`, the names of those that a handler
   * set. If no handler set a lifetime, `lifetime` notes the default one, so that a different value can be recognised as
   * set by a handler of koa-generic-session.
   */
  toJSON(): Readonly<CookieJson> {
    const own = this[OWN];
    const names = own === undefined ? [] : Object.keys(own);
    const stamps = stampsIn(this);
    if (names.length > 0 || stamps.length > 0 || this.isElsewhere) return jsonOf(this, names, stamps);
    const plain = plainOf(this);
    const notes = this[NOTES];
    return notes === undefined ? plain : { ...plain, ...notes };
  }

  /** Whether the record that the cookie was read from certainly contains it unchanged. Saves creating two texts per write. */
  isPlainIn(record: string): boolean {
    if (this.shared === undefined || stampsIn(this).length > 0 || this.isElsewhere) return false;
    if (this[NOTES] !== this[READ_NOTES]) return false;
    let attributes = plainAttributes.get(this[DEFAULTS]);
    if (attributes === undefined) {
      attributes = `"cookie":${JSON.stringify(plainOf(this)).slice(0, -1)}`;
      plainAttributes.set(this[DEFAULTS], attributes);
    }
    const at = record.indexOf(attributes);
    return at >= 0 && record[at + attributes.length] === (this[NOTES] === undefined ? '}' : ',');
  }

  static stampsIn(cookie: SessionCookie): readonly string[] {
    if (#stamps in cookie) return cookie.#stamps;
    const mark = (cookie as SessionCookie)[MARK];
    return Array.isArray(mark) ? mark : NO_STAMPS;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): CookieOptions {
    return this.attributes();
  }
}

const { stampsIn } = SessionCookie;

/** The JSON of a cookie on which no handler has set anything, without notes. */
function plainOf(cookie: SessionCookie): CookieJson {
  const defaults = cookie[DEFAULTS];
  let plain = plainJson.get(defaults);
  if (plain === undefined) {
    plain = Object.freeze(attributesJson(cookie, Object.freeze([])));
    plainJson.set(defaults, plain);
  }
  return plain;
}

function jsonOf(cookie: SessionCookie, own: readonly string[], stamps: readonly string[]): CookieJson {
  const former = cookie[PLACES]?.filter((place) => !isSamePlace(place, cookie)) ?? [];
  return {
    ...attributesJson(cookie, own),
    ...(former.length === 0 ? undefined : { former }),
    ...(stamps.length === 0 ? undefined : { stamps }),
    ...cookie[NOTES],
  };
}

function attributesJson(cookie: SessionCookie, own: readonly string[]): CookieJson {
  const attributes = cookie.attributes();
  return { ...attributes, own, ...(own.includes('maxAge') ? undefined : { lifetime: lifetimeOf(attributes) }) };
}

function setAttribute(cookie: SessionCookie, name: CookieAttribute, value: unknown): void {
  cookie[CHANGED] = true;
  cookie[OWN] ??= {};
  const own = cookie[OWN];
  // The cookie that was sent remains where it is.
  if (cookie[STORED] && isPlace(name)) cookie[PLACES] = distinct([scopeOf(cookie), ...(cookie[PLACES] ?? [])]);
  if (name === 'expires') setLifetime(own, name, 'maxAge', toDate(value) ?? undefined);
  else if (name === 'maxAge') setLifetime(own, name, 'expires', value);
  else own[name] = value;
}

/** Sets one and removes the other; `undefined` resets both to the options. */
function setLifetime(own: Own, name: 'expires' | 'maxAge', other: 'expires' | 'maxAge', value: unknown): void {
  if (value === undefined) {
    delete own[name];
    delete own[other];
  } else {
    own[name] = value;
    own[other] = undefined;
  }
}

/** Earlier options may have put the cookie in another place. A record without a path comes from another package. */
function placesOf(stored: StoredCookie, now: Own): readonly Own[] | undefined {
  const { former, path } = stored;
  const isElsewhere = path !== undefined && !isSamePlace(stored, now);
  if (!isElsewhere && former === undefined) return undefined;
  const known = Array.isArray(former) ? former.map((place) => scopeOf({ ...(place as Own) })) : [];
  const places = distinct(isElsewhere ? [scopeOf(stored), ...known] : known);
  return places.length === 0 ? undefined : places;
}

function distinct(places: readonly Own[]): readonly Own[] {
  const isFirst = (place: Own, n: number) => places.findIndex((other) => isSamePlace(other, place)) === n;
  return places.filter(isFirst).slice(0, MOST_PLACES);
}

/** Whether a browser would replace one cookie with the other. */
export function isSamePlace(a: Own, b: Own): boolean {
  return (
    (a.domain ?? '') === (b.domain ?? '') &&
    (a.path ?? '/') === (b.path ?? '/') &&
    (a.partitioned === true) === (b.partitioned === true)
  );
}

function isPlace(name: CookieAttribute): boolean {
  return (PLACE as readonly string[]).includes(name);
}

function scopeOf(cookie: Own): Own {
  const scope: Own = {};
  for (const name of PLACE) {
    const value = cookie[name];
    if (value !== undefined && wrongAttribute(name, value) === undefined) scope[name] = value;
  }
  return scope;
}

/** The attributes in a record that handlers set, if any. Invalid values are left out, so that they lock no user out. */
function ownOf(cookie: StoredCookie): Own | undefined {
  const names = Array.isArray(cookie.own) ? cookie.own.filter(isCookieAttribute) : [];
  const isTheirs = !Array.isArray(cookie.own) || ('lifetime' in cookie && cookie.lifetime !== lifetimeOf(cookie));
  if (!isTheirs && names.length === 0) return undefined;
  const own: Own = isTheirs || names.some(isLifetime) ? ownLifetimeOf(cookie) : {};
  for (const name of names) {
    if (!isLifetime(name) && wrongAttribute(name, cookie[name]) === undefined) own[name] = cookie[name];
  }
  return own;
}

/** One of the two lifetimes, or neither. */
function ownLifetimeOf({ expires, maxAge }: StoredCookie): Own {
  const isDate = isGiven(expires) && wrongAttribute('expires', expires) === undefined;
  if (isDate) return { expires: toDate(expires), maxAge: undefined };
  const isAge = maxAge !== undefined && wrongAttribute('maxAge', maxAge) === undefined;
  return isAge ? { maxAge, expires: undefined } : {};
}

function isLifetime(name: CookieAttribute): name is 'expires' | 'maxAge' {
  return name === 'expires' || name === 'maxAge';
}

/** The lifetime as stored in JSON. */
function lifetimeOf({ expires, maxAge }: StoredCookie): unknown {
  return (expires instanceof Date ? expires.toJSON() : expires) ?? maxAge ?? null;
}

/** Restores a Date from its JSON string. Anything else stays as it is, and the ttl rule rejects it. */
function toDate(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date;
}

/**
 * Whether the cookie's path covers the request's path, by whole segments (RFC 6265, section 5.1.4). `url` is the
 * request target as sent.
 */
export function matchesPath(url: string, path: string | undefined): boolean {
  if (path === undefined || path === '/') return true;
  const pathname = pathnameOf(url);
  if (!pathname.startsWith(path)) return false;
  return pathname.length === path.length || path.endsWith('/') || pathname[path.length] === '/';
}

function pathnameOf(url: string): string {
  if (url.startsWith('/')) return url.split(/[?#]/, 1)[0] as string;
  // The absolute form is meant for proxies, but every server must accept it (RFC 9112, section 3.2.2).
  return URL.canParse(url) ? new URL(url).pathname : url;
}
