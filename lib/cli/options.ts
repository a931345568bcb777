/** An option of the command line. */
export interface CliOption {
  readonly type: 'string' | 'boolean';
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

/** All options, in the order in which the help lists them. */
export const OPTIONS = {
  url: { type: 'string', value: 'URL', help: 'where the sessions are, without the password' },
  config: { type: 'string', value: 'FILE', help: 'a file that exports session(…), its options, or a store' },
  prefix: { type: 'string', value: 'TEXT', help: "the application's prefix (default koa:sess:)" },
  table: { type: 'string', value: 'NAME', help: 'the SQL table (default sessions)' },
  hashed: { type: 'boolean', help: "the application has `ids: 'hashed'`" },
  'user-field': { type: 'string', value: 'PATH', help: 'where a session holds its user, such as user.id' },
  user: { type: 'string', value: 'NAME', help: 'only the sessions of this user' },
  handle: { type: 'string', value: 'HANDLE', help: 'only the session with this handle, as `list` shows it' },
  all: { type: 'boolean', help: 'all sessions under the prefix' },
  from: { type: 'string', value: 'CURSOR', help: 'go on where an earlier run was interrupted' },
  'seal-plain': { type: 'boolean', help: 'seal records that are not sealed, too' },
  unseal: { type: 'boolean', help: 'store all records unsealed' },
  name: { type: 'string', value: 'NAME', help: 'name of the Redis user (default: from the prefix)' },
  client: { type: 'string', value: 'NAME', help: 'ioredis (default), redis or koa-redis' },
  db: { type: 'boolean', help: 'the application selects a numbered database' },
  cluster: { type: 'boolean', help: 'for a Redis Cluster' },
  'user-index': { type: 'boolean', help: 'the application has the option `user`' },
  'broadcast-endings': { type: 'boolean', help: 'the application has `broadcastEndings: true`' },
  walking: { type: 'boolean', help: 'the application calls sessions.index() or the like' },
  operator: { type: 'boolean', help: 'a user for the commands here instead of the application' },
  json: { type: 'boolean', help: 'JSON for programs instead of tables for people' },
  yes: { type: 'boolean', help: 'do not ask' },
  help: { type: 'boolean', help: 'show this help' },
  version: { type: 'boolean', help: 'show the version of this package' },
} as const satisfies Record<string, CliOption>;

/** The name of an option. */
export type OptionName = keyof typeof OPTIONS;

/** The options of a command line. */
export type Given = {
  readonly [Name in OptionName]?: (typeof OPTIONS)[Name]['type'] extends 'string' ? string : boolean;
};

/** Options of every command. */
export const COMMON = ['json', 'help', 'version'] as const satisfies readonly OptionName[];

/** Options that say where the sessions are. */
export const WHERE = [
  'url',
  'config',
  'prefix',
  'table',
  'hashed',
  'user-field',
] as const satisfies readonly OptionName[];
