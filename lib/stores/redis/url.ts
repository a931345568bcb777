/** The parts of a Redis URL, under ioredis' names; parts not given are absent. */
export interface RedisAddress {
  host?: string;
  port?: number;
  username?: string;
  password?: string;
  db?: number;
  family?: number;
  /** Set for `rediss:`. */
  tls?: object;
}

const PLAIN = 'redis:';
const ENCRYPTED = 'rediss:';

/**
 * Parses `redis://user:password@host:port/db`, and `rediss:` for TLS. ioredis parses such URLs too, but versions
 * differ: one ignores the user, and all treat `REDISS:` as unencrypted.
 *
 * @throws TypeError without the URL in its message, since it may contain a password.
 */
export function parseRedisUrl(name: string, url: string | URL): RedisAddress {
  const parsed = parse(name, url);
  const { hostname, port, username, password, pathname, protocol } = parsed;
  if (parsed.hash !== '') throw unreadable(name, 'it has a `#`, which is written `%23` in a password');
  const db = pathname.replace(/^\//, '');
  if (!/^\d*$/.test(db)) throw unreadable(name, 'what follows the host is not the number of a database');
  return {
    ...options(name, parsed.searchParams),
    ...(hostname && { host: hostname.replace(/^\[|\]$/g, '') }),
    ...(port && { port: Number(port) }),
    ...(username && { username: decoded(name, username) }),
    ...(password && { password: decoded(name, password) }),
    ...(db && { db: Number(db) }),
    ...(protocol === ENCRYPTED && { tls: {} }),
  };
}

function parse(name: string, url: string | URL): URL {
  // The parser's error shows the URL.
  if (!URL.canParse(String(url))) {
    throw unreadable(name, 'a `/`, `?`, `#`, `@` or `%` in a password is written `%2F`, `%3F`, `%23`, `%40` or `%25`');
  }
  const parsed = new URL(String(url));
  if (parsed.protocol === PLAIN || parsed.protocol === ENCRYPTED) return parsed;
  throw unreadable(name, 'it begins with something else; for a Unix socket, set `path`');
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable(name, 'a `%` in a password is written `%25`');
  }
}

/** ioredis accepts any option in the query; one that is not checked would be ignored. */
function options(name: string, params: URLSearchParams): Pick<RedisAddress, 'db' | 'family'> {
  const { allowUsernameInURI: _, family, db, ...others } = Object.fromEntries(params);
  const [other] = Object.keys(others);
  if (other !== undefined) throw unreadable(name, `\`${other}\` must be set as an option, not in its query`);
  if (!/^\d*$/.test(db ?? '')) throw unreadable(name, '`db` in its query is not the number of a database');
  return { ...(family && { family: Number(family) }), ...(db && { db: Number(db) }) };
}

function unreadable(name: string, why: string): TypeError {
  return new TypeError(
    `Expected \`${name}\` to be a url that begins with redis:// or rediss://, got one that cannot be used: ${why}`,
  );
}
