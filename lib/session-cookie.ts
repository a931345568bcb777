import { COOKIE_ATTRIBUTES, type CookieAttribute, isCookieAttribute, wrongAttribute } from './cookie-attributes';
import { SessionError } from './errors';
import { expected, isGiven } from './expect';
import { NO_STAMPS, newStamp, stampsOf, withStamp } from './stamps';
import type { CookieOptions } from './types';

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

/** What most cookies have of their own; it is shared, and so never written to. */
const NOTHING: Own = Object.freeze({});

/** What says which cookie is meant, beside its name (RFC 6265, 5.3). */
const PLACE = ['domain', 'path', 'partitioned'] as const;

/** Without what only some cookies have. */
const ANYWHERE = { domain: undefined, partitioned: undefined };

const NOWHERE: readonly Own[] = Object.freeze([]);

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
  readonly #defaults: Readonly<CookieOptions>;
  #own: Own;
  #changed = false;
  #stamps: readonly string[] = NO_STAMPS;
  /** Where browsers may hold the cookie; this place may be among them. Nowhere: in this place, if at all. */
  #places = NOWHERE;
  #isStored = false;

  constructor(defaults: Readonly<CookieOptions>, own: Own = NOTHING) {
    this.#defaults = defaults;
    this.#own = own;
  }

  static {
    for (const name of COOKIE_ATTRIBUTES) {
      Object.defineProperty(SessionCookie.prototype, name, {
        configurable: true,
        enumerable: true, // `cookies` copies attributes with for-in
        get(this: SessionCookie) {
          return name in this.#own ? this.#own[name] : this.#defaults[name];
        },
        set(this: SessionCookie, value: unknown) {
          this.#set(name, value);
        },
      });
    }
  }

  /** Reads the `cookie` of a record, ours or koa-generic-session's, whose handlers may have set a lifetime and nothing else. */
  static fromRecord(defaults: Readonly<CookieOptions>, stored: unknown): SessionCookie {
    if (typeof stored !== 'object' || stored === null) return new SessionCookie(defaults);
    const cookie = new SessionCookie(defaults, ownOf(stored));
    cookie.#places = placesOf(stored, cookie);
    if ('stamps' in stored || 'stamp' in stored) cookie.#stamps = stampsOf(stored);
    cookie.#isStored = true;
    return cookie;
  }

  /** What an application assigned as `session.cookie`, laid over the cookie that the session had. */
  static assigned(value: object, previous: SessionCookie): SessionCookie {
    if ('own' in value) return SessionCookie.fromRecord(previous.#defaults, value);
    const cookie = new SessionCookie(previous.#defaults, { ...previous.#own });
    cookie.#places = previous.#places;
    cookie.#stamps = previous.#stamps;
    cookie.#isStored = previous.#isStored;
    for (const [name, attribute] of Object.entries(value)) {
      if (isCookieAttribute(name)) cookie.#set(name, attribute);
      else if (name === 'maxage') cookie.maxage = attribute;
    }
    cookie.#changed = true;
    return cookie;
  }

  /** Whether a handler has set anything since the cookie was made or read. */
  get changed(): boolean {
    return this.#changed;
  }

  /**
   * Checks what a handler set, before anything is written. The lifetime is the ttl rule's to judge.
   *
   * @throws SessionError `ERR_SESSION_COOKIE`
   */
  check(): void {
    if (!this.#changed) return;
    for (const name of COOKIE_ATTRIBUTES) {
      const value = this.#own[name];
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
    this.#stamps = withStamp(this.#stamps, stamp);
  }

  /** Where handlers have put the cookie: another one has to be there too to take its place. */
  scope(): Own {
    return scopeOf(this.#own);
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
    const others = this.#places.filter((place) => !isSamePlace(place, last));
    return [last, ...others.map((place) => ({ ...last, ...ANYWHERE, ...place }) as CookieOptions)];
  }

  /** Whether browsers may hold the cookie in another place than the one where it is sent now. */
  get isElsewhere(): boolean {
    return this.#places !== NOWHERE;
  }

  /** From now on the cookie is in one place only: those in other places are cleared. */
  forgetPlaces(): void {
    this.#places = NOWHERE;
  }

  /** The options, where they are all that the cookie has. */
  get shared(): Readonly<CookieOptions> | undefined {
    return this.#own === NOTHING ? this.#defaults : undefined;
  }

  /** A plain object of all attributes, as `cookies` takes it. */
  attributes(): CookieOptions {
    return { ...this.#defaults, ...this.#own } as CookieOptions;
  }

  /**
   * The `cookie` of the record: all attributes, for koa-generic-session, and `own`, the names of those a handler set. Where no
   * handler set a lifetime, `lifetime` notes ours: one that differs was set by koa-generic-session's handlers meanwhile.
   */
  toJSON(): Readonly<CookieJson> {
    const own = Object.keys(this.#own);
    if (own.length > 0 || this.#stamps.length > 0 || this.#places !== NOWHERE) return this.#json(own);
    const known = plainJson.get(this.#defaults);
    if (known !== undefined) return known;
    const json = Object.freeze(this.#json(Object.freeze(own)));
    plainJson.set(this.#defaults, json);
    return json;
  }

  /** Whether a record certainly holds this cookie as it is now: found without making two texts in every write. */
  isPlainIn(record: string): boolean {
    if (this.shared === undefined || this.#stamps.length > 0 || this.#places !== NOWHERE) return false;
    let member = plainMember.get(this.#defaults);
    if (member === undefined) {
      member = `"cookie":${JSON.stringify(this)}`;
      plainMember.set(this.#defaults, member);
    }
    return record.includes(member);
  }

  #json(own: readonly string[]): CookieJson {
    const attributes = this.attributes();
    const former = this.#places.filter((place) => !isSamePlace(place, attributes));
    return {
      ...attributes,
      own,
      ...('maxAge' in this.#own ? undefined : { lifetime: lifetimeOf(attributes) }),
      ...(former.length === 0 ? undefined : { former }),
      ...(this.#stamps.length === 0 ? undefined : { stamps: this.#stamps }),
    };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): CookieOptions {
    return this.attributes();
  }

  #set(name: CookieAttribute, value: unknown): void {
    this.#changed = true;
    if (this.#own === NOTHING) this.#own = {};
    // The one that was sent stays where it is.
    if (this.#isStored && isPlace(name)) this.#places = distinct([scopeOf(this), ...this.#places]);
    if (name === 'expires') this.#setLifetime(name, 'maxAge', toDate(value) ?? undefined);
    else if (name === 'maxAge') this.#setLifetime(name, 'expires', value);
    else this.#own[name] = value;
  }

  /** Setting one takes the other back; `undefined` takes both back to the options. */
  #setLifetime(name: 'expires' | 'maxAge', other: 'expires' | 'maxAge', value: unknown): void {
    if (value === undefined) {
      delete this.#own[name];
      delete this.#own[other];
    } else {
      this.#own[name] = value;
      this.#own[other] = undefined;
    }
  }
}

/** Options of an earlier deployment may have put the cookie somewhere else; a record that does not tell its path is another package's. */
function placesOf(stored: StoredCookie, now: Own): readonly Own[] {
  const { former, path } = stored;
  const isElsewhere = path !== undefined && !isSamePlace(stored, now);
  if (!isElsewhere && former === undefined) return NOWHERE;
  const known = Array.isArray(former) ? former.map((place) => scopeOf({ ...(place as Own) })) : [];
  const places = distinct(isElsewhere ? [scopeOf(stored), ...known] : known);
  return places.length === 0 ? NOWHERE : places;
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

/** What handlers set, of what a record holds; what cannot be right is left out, so that nobody is locked out by it. */
function ownOf(cookie: StoredCookie): Own {
  const names = Array.isArray(cookie.own) ? cookie.own.filter(isCookieAttribute) : [];
  const isTheirs = !Array.isArray(cookie.own) || ('lifetime' in cookie && cookie.lifetime !== lifetimeOf(cookie));
  if (!isTheirs && names.length === 0) return NOTHING;
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
