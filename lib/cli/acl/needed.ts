/** The package with which an application connects to Redis. */
export const CLIENTS = ['ioredis', 'redis', 'koa-redis'] as const;

/** What a Redis user must be able to do. */
export interface Needs {
  client: (typeof CLIENTS)[number];
  /** The client selects a numbered database. */
  selectsDb: boolean;
  isCluster: boolean;
  /** The application has the option `user`. */
  indexesUsers: boolean;
  /** The application, or an operator, walks over all records. */
  walks: boolean;
  /** Ends are told to other processes. */
  tells: boolean;
  /** The application has the option `broadcastEndings`. */
  hears: boolean;
  /** An operator asks how the server is set up. */
  inspects: boolean;
}

/** Loading, storing, extending, ending and regenerating sessions. Scripts need their own commands too. */
const SESSIONS = ['get', 'set', 'append', 'del', 'getrange', 'pexpire', 'pttl', 'eval', 'evalsha'];
/** koa-redis' own, which compares nothing. */
const KOA_REDIS = ['get', 'set', 'setex', 'del'];
/** The indexes of users: sorted sets, by the clock of Redis. */
const INDEXES = [
  ...['time', 'zadd', 'zrem', 'zscore', 'zcount', 'zrank', 'zrange', 'zrevrange', 'zrangebyscore'],
  'pexpireat',
];
const WALKING = ['scan', 'info'];
const WALKING_CLUSTER = ['cluster|nodes'];
/** ioredis asks whether Redis has loaded its data. */
const LOADING = { single: ['info'], cluster: ['cluster|info'] };
const CLUSTER = { ioredis: ['cluster|slots', 'client|setname'], redis: ['cluster|slots'] };
const TELLING = ['publish'];
/** The connection of ioredis that listens asks its server whether it has loaded its data, on a Cluster too. */
const HEARING = { ioredis: ['subscribe', 'info'], redis: ['subscribe'], 'koa-redis': [] };
const SELECTING = ['select'];
const INSPECTING = ['time', 'config|get', 'acl|whoami'];

/** The commands that a user needs, each once, in a stable order. */
export function neededCommands(needs: Needs): string[] {
  const { client, selectsDb, isCluster, indexesUsers, walks, tells, hears, inspects } = needs;
  const asksWhetherLoaded = client !== 'redis';
  return [
    ...new Set([
      ...(client === 'koa-redis' ? KOA_REDIS : SESSIONS),
      ...(indexesUsers ? INDEXES : []),
      ...(asksWhetherLoaded ? LOADING[isCluster ? 'cluster' : 'single'] : []),
      ...(isCluster && client !== 'koa-redis' ? CLUSTER[client] : []),
      ...(selectsDb ? SELECTING : []),
      ...(walks ? WALKING : []),
      ...(walks && isCluster ? WALKING_CLUSTER : []),
      ...(tells ? TELLING : []),
      ...(hears ? HEARING[client] : []),
      ...(inspects ? INSPECTING : []),
    ]),
  ];
}
