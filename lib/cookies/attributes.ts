import type { CookieOptions } from '../base/types';

/** Every attribute of the `cookies` package. */
export type CookieAttribute = keyof CookieOptions;

interface Rule {
  isRight(value: unknown): boolean;
  expectation: string;
}

const FLAG: Rule = { isRight: (value) => typeof value === 'boolean', expectation: '`true` or `false`' };

/** The values that `cookies` can send, which browsers also accept. */
const RULES: Readonly<Record<CookieAttribute, Rule>> = {
  path: {
    isRight: (path) => typeof path === 'string' && /^\/[ -:=-~]*$/.test(path),
    expectation: 'a path that starts with `/`, of printable ASCII without `;` and `<`',
  },
  domain: {
    isRight: (domain) => typeof domain === 'string' && HOST.test(domain),
    expectation: 'a host name',
  },
  secure: FLAG,
  httpOnly: FLAG,
  sameSite: {
    isRight: (sameSite) => typeof sameSite === 'boolean' || isOneOf(['strict', 'lax', 'none'], sameSite),
    expectation: "'strict', 'lax', 'none', true or false",
  },
  signed: FLAG,
  overwrite: FLAG,
  partitioned: FLAG,
  priority: {
    isRight: (priority) => isOneOf(['low', 'medium', 'high'], priority),
    expectation: "'low', 'medium' or 'high'",
  },
  maxAge: {
    isRight: (maxAge) => maxAge === null || (Number.isFinite(maxAge) && (maxAge as number) >= 0),
    expectation: 'a positive number of milliseconds, or 0 or null for a browser-session cookie',
  },
  expires: {
    isRight: (expires) =>
      (expires instanceof Date || typeof expires === 'string') && !Number.isNaN(new Date(expires).getTime()),
    expectation: 'a Date or a date string',
  },
};

const HOST = /^\.?[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i;

export const COOKIE_ATTRIBUTES = Object.keys(RULES) as readonly CookieAttribute[];

export function isCookieAttribute(name: unknown): name is CookieAttribute {
  return COOKIE_ATTRIBUTES.includes(name as CookieAttribute);
}

/** What the attribute is expected to be, if the value is invalid; `undefined` if it is valid or not given. */
export function wrongAttribute(name: CookieAttribute, value: unknown): string | undefined {
  return value === undefined || RULES[name].isRight(value) ? undefined : RULES[name].expectation;
}

/** The attribute that makes browsers drop the cookie without `Secure`, if any. */
export function needsSecure({ sameSite, partitioned }: CookieOptions): string | undefined {
  if (typeof sameSite === 'string' && sameSite.toLowerCase() === 'none') return "sameSite: 'none'";
  return partitioned === true ? 'partitioned: true' : undefined;
}

/** `cookies` ignores the case of these words. */
function isOneOf(words: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && words.includes(value.toLowerCase());
}
