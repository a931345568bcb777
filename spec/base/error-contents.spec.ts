import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import { fromKeyv, type KeyvLike } from '../../lib/keyv';
import { MemoryStore, type Store, StoreError, StoreUnavailableError } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { driverOf, drivers } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { expectNothingTold, failureOf, SESSION, SID, storeOf } from '../helpers/stores/error-contents';
import { interop } from '../interop';

type OpenKeyv = KeyvLike & { disconnect(): Promise<void> };

const KEY = `koa:sess:${SID}`;
const RECORD = JSON.stringify(SESSION);

class CommandError extends Error {
  readonly #args = [KEY, RECORD];
  readonly command = { name: 'set', args: [KEY, RECORD] };
  toJSON() {
    return { args: this.#args };
  }
}

/** Errors of clients that reveal too much, each in another place. */
const errors: Record<string, () => unknown> = {
  'in its message': () => new Error(`Duplicate entry '${KEY}' for key 'id'`),
  'as JSON in its message': () => new Error(`cannot store ${RECORD} today`),
  'as JSON that is cut off': () => new Error(`syntax error near '${RECORD.slice(0, 30)}`),
  'as escaped JSON': () => new Error(`insert into s values (${JSON.stringify(RECORD)})`),
  'as inspected': () => new Error(`bad write { user: '${SESSION.user}', note: '${SESSION.note}' }`),
  'encoded for a path': () => new Error(`EACCES: permission denied, open '/tmp/${encodeURIComponent(KEY)}.json'`),
  'by the JSON parser': () => mistakeOf(() => JSON.parse(`${RECORD}x`)),
  'by the JSON parser, in the middle': () => mistakeOf(() => JSON.parse(RECORD.replace('"note":', '"note"x'))),
  'in its stack alone': () =>
    Object.assign(new Error('no'), { stack: `Error: ${RECORD}\n    at f (a.js:1:1)\n${KEY}` }),
  'in properties': () =>
    Object.assign(new Error('no'), {
      command: { args: [KEY, RECORD] },
      detail: `(id)=(${KEY})`,
      [Symbol('s')]: RECORD,
    }),
  'as a property': () => Object.assign(new Error('no'), { [KEY]: 1 }),
  'in a property that is kept': () => Object.assign(new Error('no'), { code: `E_${KEY}` }),
  'in bytes': () => Object.assign(new Error('no'), { args: [Buffer.from(RECORD)] }),
  hidden: () => Object.defineProperty(new Error('no'), 'args', { value: [KEY, RECORD], enumerable: false }),
  'in a cause': () => new Error('no', { cause: Object.assign(new Error(`no ${KEY}`), { args: [RECORD] }) }),
  'in a cause that is not an error': () => new Error('no', { cause: { args: [RECORD] } }),
  'in one of several errors': () =>
    new AggregateError([new Error(KEY), Object.assign(new Error('no'), { args: [RECORD] })], 'no'),
  'in an error within': () =>
    Object.assign(new Error('no'), { lastNodeError: new CommandError('no'), previousErrors: [new Error(KEY)] }),
  'in a ring': () => {
    const error = new Error(`no ${KEY}`);
    error.cause = error;
    return error;
  },
  'in how it prints itself': () => new CommandError('no'),
  'as a string': () => `no ${KEY} ${RECORD}`,
  'as an object': () => ({ message: `no ${KEY}`, args: [RECORD] }),
  'in an error of another store': () => new StoreError('get', KEY, { cause: new Error(RECORD) }),
};

function mistakeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

const operations = ['get', 'set', 'destroy'] as const;

describe('A client whose error contains id and data', () => {
  it.each(Object.entries(errors))('%s reveals neither', async (_where, make) => {
    const fail = () => Promise.reject(make());
    for (const operation of operations) {
      const error = await failureOf(storeOf({ get: fail, set: fail, destroy: fail }), operation);
      expectNothingTold(error);
    }
  });

  it('reveals no value of the session that it should store', async () => {
    const fail = () => Promise.reject(new Error(`${SESSION.user} is not allowed, nor is ${SESSION.total}: cannot`));
    const error = await failureOf(storeOf({ get: fail, set: fail, destroy: fail }), 'set');
    expectNothingTold(error);
    expect(error.message).toBe('[session data] is not allowed, nor is [session data]: cannot');
  });

  it('still says what happened', async () => {
    const cause = Object.assign(new RangeError(`no room for ${KEY}`), { code: 'E_FULL', errno: 28, args: [RECORD] });
    const error = await failureOf(
      storeOf({ get: () => undefined, set: () => Promise.reject(cause), destroy: () => undefined }),
      'set',
    );
    expect(error.message).toBe('no room for [session id]');
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause).toMatchObject({
      name: 'RangeError',
      message: 'no room for [session id]',
      code: 'E_FULL',
      errno: 28,
    });
    expect((error.cause as Error).stack).toContain(__filename);
    expect(cause).toMatchObject({ message: `no room for ${KEY}`, args: [RECORD] });
  });

  it('passes on an error that reveals nothing unchanged', async () => {
    const cause = new Error('cannot connect to 127.0.0.1:6379 (full)', {
      cause: new AggregateError([new Error('no')]),
    });
    const fail = () => Promise.reject(cause);
    const error = await failureOf(storeOf({ get: fail, set: fail, destroy: fail }), 'set');
    expect([error.message, error.cause]).toEqual([cause.message, cause]);
    expect(error.cause).toBe(cause);
  });

  it('reveals nothing if the connection fails', async () => {
    const client = new EmittingClient();
    client.on('error', () => undefined);
    const store = storeOf(client, { reconnectTimeout: 0 });
    client.emit('error', Object.assign(new Error('WRONGPASS'), { command: { args: ['user', SESSION.user] } }));
    client.emit('disconnect');
    const error = await failureOf(store, 'get');
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.cause).toMatchObject({ message: 'WRONGPASS' });
    expectNothingTold(error);
  });
});

it('A MemoryStore does not reveal text that it cannot parse', async () => {
  const memory = new MemoryStore();
  memory.create(KEY, `${RECORD}x`, 1000);
  const error = await failureOf(storeOf(memory), 'get');
  expectNothingTold(error);
  expect(error.message).toMatch(/JSON/);
});

describe('Errors of Redis reveal neither id nor data', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  /** Writes are refused, and reads return the wrong type. */
  async function told(store: Store): Promise<void> {
    await redis.command('CONFIG SET maxmemory 0');
    await redis.command(`RPUSH ${KEY} x`);
    expectNothingTold(await failureOf(store, 'get'));
    await redis.command('CONFIG SET maxmemory 1');
    expectNothingTold(await failureOf(store, 'set'));
  }

  it.each(drivers)('with $name', async (driver) => {
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    await told(storeOf(redisStore({ client })));
    await driver.end(client);
  });

  it('with connect-redis', async () => {
    const { RedisStore } = interop('connect-redis') as { RedisStore: new (options: object) => ExpressStoreLike };
    const driver = driverOf('redis5');
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    await told(storeOf(fromExpressStore(new RedisStore({ client, prefix: '' }))));
    await driver.end(client);
  });

  it('with Keyv', async () => {
    const { createKeyv } = interop('@keyv/redis') as { createKeyv(url: string, options: object): OpenKeyv };
    const keyv = createKeyv(redis.url, { throwOnErrors: true });
    await told(storeOf(fromKeyv(keyv)));
    await keyv.disconnect();
  });

  it('with koa-redis', async () => {
    const koaRedis = interop('koa-redis') as (options: object) => { quit(): Promise<unknown> };
    const client = koaRedis({ host: '127.0.0.1', port: redis.port });
    await told(storeOf(client));
    await client.quit();
  });
});
