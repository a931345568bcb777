import { SessionError } from '../base/errors';
import { expected, isGiven } from '../base/expect';
import { NO_STAMPS, newStamp, stampsOf, withStamp } from '../base/stamps';
import type { CookieOptions } from '../base/types';
import { COOKIE_ATTRIBUTES, type CookieAttribute, isCookieAttribute, wrongAttribute } from './attributes';

/** What a handler set, unchecked as yet. */
type Own = { [Name in CookieAttribute]?: unknown };

/** A cookie as JSON holds it. */
type StoredCookie = { [Name in CookieAttribute | 'own' | 'lifetime' | 'former']?: unknown };

/** What a record says of its cookie. */
type CookieJson = CookieOptions & {
  own: readonly string[];
  lifetime?: unknown;
  former?: readonly Own[];
  stamps?: readonly string[];
};

// Symbols in place of private members: an application may put a Proxy before its session, and private members cannot be reached
// through a Proxy.
const DEFAULTS = Symbol('defaults');
/** What handlers set; `undefined` for most cookies. */
const OWN = Symbol('own');
const CHANGED = Symbol('changed');
/** Where browsers may hold the cookie; this place may be among them. `undefined`: in this place, if at all. */
const PLACES = Symbol('places');
const STORED = Symbol('stored');
const MARK = Symbol('mark');

/** What says which cookie is meant, beside its name (RFC 6265, 5.3). */
const PLACE = ['domain', 'path', 'partitioned'] as const;

/** Without what only some cookies have. */
const ANYWHERE = { domain: undefined, partitioned: undefined };

/** How many places are remembered, of those where a session's cookie was sent earlier. */
const MOST_PLACES = 3;

/** Cookies on which no handler has set anything look alike: saves a request that touches its session 2 µs of copying attributes. */
const plainJson = new WeakMap<Readonly<CookieOptions>, CookieJson>();

/** The same as it stands in a record. */
const plainMember = new WeakMap<Readonly<CookieOptions>, string>();

/** The attributes come from accessors on the prototype, so that a session costs no property definitions. */
export interface SessionCookie extends CookieOptions {}

/**
 * The cookie of one session: today's options, and on top of them what a handler set. Only the latter belongs to the session,
 * so that the options of a new deployment reach every session that exists. Of `expires` and `maxAge` the one set last counts.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the accessors are defined in the static block
export class SessionCookie {
  declare readonly [DEFAULTS]: Readonly<CookieOptions>;
  declare [OWN]: Own | undefined;
  declare [CHANGED]: boolean;
  declare [PLACES]: readonly Own[] | undefined;
  declare [STORED]: boolean;
  /** The stamps that were set through a Proxy, or what a Proxy is recognised by. */
  declare [MARK]: unknown;
  /** The stamps otherwise. They are private, so that a cookie can be stamped that was frozen together with its session. */
  #stamps: readonly string[] = NO_STAMPS;

  constructor(defaults: Readonly<CookieOptions>, own?: Own) {
    this[DEFAULTS] = defaults;
    this[OWN] = own;
    this[CHANGED] = false;
    this[PLACES] = undefined;
    this[STORED] = false;
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

  /** Reads the `cookie` of a record, ours or koa-generic-session's, whose handlers may have set a lifetime and nothing else. */
  static fromRecord(defaults: Readonly<CookieOptions>, stored: unknown): SessionCookie {
    if (typeof stored !== 'object' || stored === null) return new SessionCookie(defaults);
    const cookie = new SessionCookie(defaults, ownOf(stored));
    cookie[PLACES] = placesOf(stored, cookie);
    if ('stamps' in stored || 'stamp' in stored) cookie.#stamps = stampsOf(stored);
    cookie[STORED] = true;
    return cookie;
  }

  /** What an application assigned as `session.cookie`, laid over the cookie that the session had. */
  static assigned(value: object, previous: SessionCookie): SessionCookie {
    if ('own' in value) return SessionCookie.fromRecord(previous[DEFAULTS], value);
    const cookie = new SessionCookie(previous[DEFAULTS], { ...previous[OWN] });
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

  /** Whether a handler has set anything since the cookie was made or read. */
  get changed(): boolean {
    return this[CHANGED];
  }

  /**
   * Checks what a handler set, before anything is written. The lifetime is the ttl rule's to judge.
   *
   * @throws SessionError `ERR_SESSION_COOKIE`
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

  /** `maxage` is what connect called it; koa-generic-session took both. */
  get maxage(): CookieOptions['maxAge'] {
    return this.maxAge;
  }

  set maxage(value: CookieOptions['maxAge']) {
    this.maxAge = value;
  }

  /** Gives the cookie's JSON something that no other has; what is given already stays. */
  stamp(stamp = newStamp()): void {
    const stamps = withStamp(stampsIn(this), stamp);
    if (#stamps in this) this.#stamps = stamps;
    else (this as SessionCookie)[MARK] = stamps;
  }

  /** Whether `other` is this cookie, or a Proxy before it: what is noted here can be read there. */
  standsBehind(other: SessionCookie): boolean {
    if (other === this) return true;
    const before = this[MARK];
    const mark = Symbol('mark');
    // A frozen one can only be compared.
    if (!Reflect.set(this, MARK, mark)) return false;
    const isNoted = other[MARK] === mark;
    this[MARK] = before;
    return isNoted;
  }

  /** Where handlers have put the cookie: another one has to be there too to take its place. */
  scope(): Own {
    return scopeOf(this[OWN] ?? {});
  }

  /** The attributes of the cookie as a record says it was sent: today's options may say otherwise where it is. */
  attributesAsSent(stored: unknown): CookieOptions {
    return {
      ...this.attributes(),
      ...ANYWHERE,
      ...scopeOf({ ...(stored as StoredCookie | undefined) }),
    } as CookieOptions;
  }

  /** The cookies that browsers may hold of the session, as its record says: the one that was sent last, and those in other places. */
  allAsSent(stored: unknown): [last: CookieOptions, ...others: CookieOptions[]] {
    const last = this.attributesAsSent(stored);
    const others = (this[PLACES] ?? []).filter((place) => !isSamePlace(place, last));
    return [last, ...others.map((place) => ({ ...last, ...ANYWHERE, ...place }) as CookieOptions)];
  }

  /** Whether browsers may hold the cookie in another place than the one where it is sent now. */
  get isElsewhere(): boolean {
    return this[PLACES] !== undefined;
  }

  /** From now on the cookie is in one place only: those in other places are cleared. */
  forgetPlaces(): void {
    // One that was frozen together with its session stays as it is.
    Reflect.set(this, PLACES, undefined);
  }

  /** The options, where they are all that the cookie has. */
  get shared(): Readonly<CookieOptions> | undefined {
    return this[OWN] === undefined ? this[DEFAULTS] : undefined;
  }

  /** A plain object of all attributes, as `cookies` takes it. */
  attributes(): CookieOptions {
    return { ...this[DEFAULTS], ...this[OWN] } as CookieOptions;
  }

  /**
   * The `cookie` of the record: all attributes, for koa-generic-session, and `own`, the names of those a handler set. Where no
   * handler set a lifetime, `lifetime` notes ours: one that differs was set by koa-generic-session's handlers meanwhile.
   */
  toJSON(): Readonly<CookieJson> {
    const own = this[OWN];
    const names = own === undefined ? [] : Object.keys(own);
    const stamps = stampsIn(this);
    if (names.length > 0 || stamps.length > 0 || this.isElsewhere) return jsonOf(this, names, stamps);
    const defaults = this[DEFAULTS];
    const known = plainJson.get(defaults);
    if (known !== undefined) return known;
    const json = Object.freeze(jsonOf(this, Object.freeze(names), stamps));
    plainJson.set(defaults, json);
    return json;
  }

  /** Whether a record certainly holds this cookie as it is now: found without making two texts in every write. */
  isPlainIn(record: string): boolean {
    if (this.shared === undefined || stampsIn(this).length > 0 || this.isElsewhere) return false;
    let member = plainMember.get(this[DEFAULTS]);
    if (member === undefined) {
      member = `"cookie":${JSON.stringify(this)}`;
      plainMember.set(this[DEFAULTS], member);
    }
    return record.includes(member);
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

function jsonOf(cookie: SessionCookie, own: readonly string[], stamps: readonly string[]): CookieJson {
  const attributes = cookie.attributes();
  const former = cookie[PLACES]?.filter((place) => !isSamePlace(place, attributes)) ?? [];
  return {
    ...attributes,
    own,
    ...(own.includes('maxAge') ? undefined : { lifetime: lifetimeOf(attributes) }),
    ...(former.length === 0 ? undefined : { former }),
    ...(stamps.length === 0 ? undefined : { stamps }),
  };
}

function setAttribute(cookie: SessionCookie, name: CookieAttribute, value: unknown): void {
  cookie[CHANGED] = true;
  cookie[OWN] ??= {};
  const own = cookie[OWN];
  // The one that was sent stays where it is.
  if (cookie[STORED] && isPlace(name)) cookie[PLACES] = distinct([scopeOf(cookie), ...(cookie[PLACES] ?? [])]);
  if (name === 'expires') setLifetime(own, name, 'maxAge', toDate(value) ?? undefined);
  else if (name === 'maxAge') setLifetime(own, name, 'expires', value);
  else own[name] = value;
}

/** Setting one takes the other back; `undefined` takes both back to the options. */
function setLifetime(own: Own, name: 'expires' | 'maxAge', other: 'expires' | 'maxAge', value: unknown): void {
  if (value === undefined) {
    delete own[name];
    delete own[other];
  } else {
    own[name] = value;
    own[other] = undefined;
  }
}

/** Options of an earlier deployment may have put the cookie somewhere else; a record that does not tell its path is another package's. */
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

/** Whether a browser would keep one cookie in place of the other. */
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

/** What handlers set, of what a record holds, if they set anything; what cannot be right is left out, so that nobody is locked out by it. */
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

/** One of the two, which takes the place of the other; or neither. */
function ownLifetimeOf({ expires, maxAge }: StoredCookie): Own {
  const isDate = isGiven(expires) && wrongAttribute('expires', expires) === undefined;
  if (isDate) return { expires: toDate(expires), maxAge: undefined };
  const isAge = maxAge !== undefined && wrongAttribute('maxAge', maxAge) === undefined;
  return isAge ? { maxAge, expires: undefined } : {};
}

function isLifetime(name: CookieAttribute): name is 'expires' | 'maxAge' {
  return name === 'expires' || name === 'maxAge';
}

/** What decides how long a cookie lives, as JSON holds it. */
function lifetimeOf({ expires, maxAge }: StoredCookie): unknown {
  return (expires instanceof Date ? expires.toJSON() : expires) ?? maxAge ?? null;
}

/** Dates come back from JSON as strings; what is no date stays as it is, for the ttl rule to refuse. */
function toDate(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date;
}

/** Whether the cookie's path covers the request's, by whole segments (RFC 6265, 5.1.4). `url` is the request target as it was sent. */
export function matchesPath(url: string, path: string | undefined): boolean {
  if (path === undefined || path === '/') return true;
  const pathname = pathnameOf(url);
  if (!pathname.startsWith(path)) return false;
  return pathname.length === path.length || path.endsWith('/') || pathname[path.length] === '/';
}

function pathnameOf(url: string): string {
  if (url.startsWith('/')) return url.split(/[?#]/, 1)[0] as string;
  // The absolute form is for proxies, but every server has to take it (RFC 9112, 3.2.2).
  return URL.canParse(url) ? new URL(url).pathname : url;
}
