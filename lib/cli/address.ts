import { usageError } from './exits';
import type { Io } from './io';
import type { Given } from './options';
import { SECRET_VARIABLES } from './secrets';

/** Where sessions are. */
export type Address =
  | { kind: 'redis'; url: URL }
  | { kind: 'postgres' | 'mysql'; url: URL }
  | { kind: 'sqlite'; file: string };

const KINDS = {
  'redis:': 'redis',
  'rediss:': 'redis',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
} as const;
const SCHEMES = 'redis://, rediss://, postgres://, mysql:// or sqlite:';
const SQLITE = 'sqlite:';
/** A password in a query, as some drivers accept it. */
const IN_QUERY = /[?&](?:password|passwd|pass|auth)=/i;

/**
 * The address in `--url`, or in the environment.
 *
 * @throws CommandError without the address in its message, since it may contain a password.
 */
export function addressOf(given: Given, { env }: Io): Address | undefined {
  const typed = given.url;
  if (typed !== undefined) expectNoPassword(typed);
  const name = typed === undefined ? SECRET_VARIABLES.url : '--url';
  const text = typed ?? env[SECRET_VARIABLES.url];
  if (text === undefined || text === '') return undefined;
  // Not case: `REDISS:` is encrypted.
  if (text.toLowerCase().startsWith(SQLITE)) return sqlite(text.slice(SQLITE.length), name);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = KINDS[url?.protocol as keyof typeof KINDS];
  if (url === undefined || kind === undefined) throw usageError(`Expected ${name} to begin with ${SCHEMES}`);
  if (url.hostname === '') throw usageError(`Expected ${name} to name a host`);
  const password = env[SECRET_VARIABLES.password];
  if (url.password === '' && password !== undefined) url.password = encodeURIComponent(password);
  return { kind, url };
}

/** The address as people may see it. */
export function shownAddress(address: Address): string {
  if (address.kind === 'sqlite') return `${SQLITE}${address.file}`;
  const { protocol, host, pathname } = address.url;
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** @throws CommandError */
function expectNoPassword(text: string): void {
  const hasPassword = /:\/\/[^@]*:[^@]*@/.test(text) || IN_QUERY.test(text);
  if (!hasPassword) return;
  throw usageError(
    `--url has a password, which others on this machine can read in the list of processes: set ${SECRET_VARIABLES.url} in the environment instead, or keep the password alone in ${SECRET_VARIABLES.password}`,
  );
}

function sqlite(path: string, name: string): Address {
  const file = path.replace(/^\/\/(?=\/)/, '');
  if (file === '' || file.startsWith('//'))
    throw usageError(`Expected ${name} to name a file: ${SQLITE}sessions.sqlite`);
  return { kind: 'sqlite', file };
}
