import { expectMethods, hasMethod } from '../base/expect';
import type { CompareAndSetStore, SessionStore, TokenStore } from '../base/types';

/** A value mistaken for a client, recognised by its properties, and what to pass instead. */
interface Known {
  names: readonly string[];
  what: string;
  instead: string;
}

/** They have all three methods, but with another meaning. */
const LOOKALIKES: readonly Known[] = [
  { names: ['then'], what: 'a promise', instead: '`await` it first' },
  {
    names: ['evalSha'],
    what: 'a client of node-redis',
    instead: "pass `redisStore({ client })` from 'koa-evented-session/redis'",
  },
  {
    names: ['createSession', 'regenerate'],
    what: 'a store of express-session',
    instead: "pass `fromExpressStore(store)` from 'koa-evented-session/express'",
  },
  {
    names: ['_performGc', 'maxlifetime'],
    what: 'a store of koa-session',
    instead: "pass `fromKoaSessionStore(store)` from 'koa-evented-session/koa-session-store'",
  },
];

/** They lack a method. One to which the application has added it counts as a client. */
const RELATIVES: readonly Known[] = [
  {
    names: ['evalsha'],
    what: 'a client of ioredis',
    instead: "pass `redisStore({ client })` from 'koa-evented-session/redis'",
  },
  {
    names: ['raw', 'migrate', 'schema'],
    what: 'a Knex instance',
    instead: "give `knexStore({ knex })`, from 'koa-evented-session/knex'",
  },
  { names: ['opts', 'clear'], what: 'a Keyv', instead: "give `fromKeyv(keyv)`, from 'koa-evented-session/keyv'" },
  { names: ['clear', 'entries'], what: 'a Map or a cache', instead: 'pass `new MemoryStore()`, or omit `store`' },
  moduleOf('redisStore', 'redisStore({ url })'),
  moduleOf('knexStore', 'knexStore({ knex })'),
  moduleOf('fromKeyv', 'fromKeyv(keyv)'),
  moduleOf('fromExpressStore', 'fromExpressStore(store)'),
  moduleOf('fromKoaSessionStore', 'fromKoaSessionStore(store)'),
  { names: ['RedisStore'], what: 'a module', instead: 'pass an instance of its `RedisStore`' },
  { names: ['default'], what: 'a module', instead: 'give its `default`' },
];

function moduleOf(name: string, call: string): Known {
  return { names: [name], what: `the module of \`${name}\``, instead: `give \`${call}\`` };
}

const METHODS = ['get', 'set', 'destroy'] as const;

/** Whether the client keeps sessions in tokens. */
export function isTokenStore(client: unknown): client is TokenStore {
  return typeof client === 'object' && client !== null && hasMethod(client, 'pack') && hasMethod(client, 'unpack');
}

/** @throws TypeError if it is not a client; the message says what to pass instead if that is known. */
export function expectClient(client: unknown): asserts client is SessionStore | TokenStore {
  if (isTokenStore(client)) return;
  const known = find(client);
  if (known !== undefined)
    throw new TypeError(
      `Expected \`store\` to be a store for koa-evented-session, got ${known.what}: ${known.instead}`,
    );
  expectMethods('store', client, METHODS);
  for (const method of METHODS) expectAnswer(method, (client as Record<string, unknown>)[method]);
}

function find(client: unknown): Known | undefined {
  if ((typeof client !== 'object' && typeof client !== 'function') || client === null) return undefined;
  // Checks with `in`: a Proxy may return a value for any name.
  const has = (name: string) => name in client;
  const row = ({ names }: Known) => names.every(has);
  return LOOKALIKES.find(row) ?? (METHODS.every(has) ? undefined : RELATIVES.find(row));
}

/** @throws TypeError for an async generator: the session could be what it yields or what it returns. */
function expectAnswer(name: string, method: unknown): void {
  if (Object.prototype.toString.call(method) !== '[object AsyncGeneratorFunction]') return;
  throw new TypeError(
    `Expected \`store.${name}\` to answer with a value, a promise, a thunk or a generator, got an async generator: leave out its \`*\``,
  );
}

/**
 * Whether a client can compare and set, so that parallel requests lose no changes. Checks only once whether the methods
 * exist; each call uses the client's current property.
 */
export function canCompareAndSet(client: SessionStore): client is SessionStore & CompareAndSetStore {
  return ['load', 'create', 'swap', 'touch'].every((ability) => hasMethod(client, ability));
}
