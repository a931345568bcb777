import { EventEmitter } from 'node:events';
import { fromKeyv, type KeyvClient, type KeyvLike } from '../../lib/keyv';
import session, { type Session } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import { walkContract } from '../helpers/stores/walk-contract';
import { interop } from '../interop';

const { Keyv } = interop('keyv') as typeof import('../interop/node_modules/keyv');

const HOUR = 60 * 60 * 1000;
const ann = (): Session => ({ cookie: { maxAge: HOUR }, user: 'ann' });

/** An adapter whose methods can be replaced. */
class Adapter extends EventEmitter {
  readonly texts = new Map<string, string>();
  throwOnErrors: boolean | undefined = undefined;

  async get(key: string): Promise<string | undefined> {
    return this.texts.get(key);
  }

  async set(key: string, text: string): Promise<unknown> {
    return void this.texts.set(key, text);
  }

  async delete(key: string): Promise<boolean> {
    return this.texts.delete(key);
  }

  async clear(): Promise<void> {
    this.texts.clear();
  }
}

const open = (adapter: Adapter = new Adapter()) => {
  const keyv = new Keyv({ store: adapter, throwOnErrors: true });
  return { adapter, keyv, client: fromKeyv(keyv) };
};

storeContract('Keyv on a Map', () => fromKeyv(new Keyv({ throwOnErrors: true })));
storeContract('Keyv on an adapter', () => open().client);

describe('a Store on a Keyv', () => {
  walkContract(() => fromKeyv(new Keyv({ throwOnErrors: true })));
});

describe('fromKeyv()', () => {
  it('returns one client per instance, so that two middlewares know of each other', () => {
    const { keyv } = open();
    expect(fromKeyv(keyv)).toBe(fromKeyv(keyv));
    expect(fromKeyv(open().keyv)).not.toBe(fromKeyv(keyv));
  });

  it("does not change Keyv's namespace, serialiser and options", async () => {
    const { adapter, client, keyv } = open();
    await client.set('koa:sess:sid', ann(), HOUR);
    const [[key, text] = []] = adapter.texts;
    expect(key).toBe('keyv:koa:sess:sid');
    expect(JSON.parse(String(text))).toEqual({ value: ann(), expires: expect.any(Number) });
    expect(await keyv.get('koa:sess:sid')).toEqual(ann());
    expect([keyv.throwOnErrors, adapter.throwOnErrors, client.keyv]).toEqual([true, undefined, keyv]);
  });

  it("passes to Keyv what JSON keeps of a session, as text if Keyv's serialiser would change it", async () => {
    const { client, keyv } = open();
    await client.set('sid', { ...ann(), since: new Date(0), photo: Buffer.from('a') }, HOUR);
    const photo = { type: 'Buffer', data: [97] };
    expect(await keyv.get('sid')).toEqual({ ...ann(), since: '1970-01-01T00:00:00.000Z', photo });
    const session = { ...ann(), form: { toJSON: 'typed by a visitor' } };
    await client.set('sid', session, HOUR);
    expect(await keyv.get('sid')).toBe(JSON.stringify(session));
    expect(await client.get('sid')).toEqual(session);
  });

  it.each([
    ['as it is', {}],
    ['of the first releases of version 5', { serializeData: undefined }],
  ])('lists the keys of an adapter that can, through a Keyv %s', async (_what, lacking) => {
    class Listing extends Adapter {
      readonly opts = { dialect: 'mysql', url: '' };
      async *iterator() {
        yield* this.texts;
      }
    }
    const { adapter, client, keyv } = open(new Listing());
    await client.set('koa:sess:sid', ann(), HOUR);
    Object.assign(keyv, lacking);
    expect(adapter.texts.size).toBe(1);
    expect(await client.keys?.('koa:sess:')).toEqual({ keys: ['koa:sess:sid'] });
  });

  it('passes on text that is not a session', async () => {
    const { client, keyv } = open();
    await keyv.set('sid', 'no session');
    expect(await client.get('sid')).toBe('no session');
  });

  const quiet = Object.assign(new Adapter(), { throwOnErrors: false });
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'Expected `keyv` to be an object with `get`, `set`, `delete`, got `undefined`'],
    ['the class', Keyv, 'a function was given: call it, or make an instance of it with `new`?'],
    [
      'a session store',
      { get: () => undefined, set: () => undefined, destroy: () => undefined },
      'Expected `keyv` to have the methods `get`, `set`, `delete`, but `delete` is missing',
    ],
    ['an adapter', new Adapter(), 'to be an instance of Keyv: `new Keyv({ store: adapter, throwOnErrors: true })`'],
    ['a Map', new Map(), 'to be an instance of Keyv: `new Keyv({ store: adapter, throwOnErrors: true })`'],
    [
      'an instance that swallows errors',
      new Keyv(),
      '`keyv.throwOnErrors` to be true, or a failure looks like a missing session: `new Keyv({ store, throwOnErrors: true })`',
    ],
    [
      'an adapter that swallows errors',
      new Keyv({ store: quiet, throwOnErrors: true }),
      '`keyv.store.throwOnErrors` to be true, or a failure looks like a missing session: `new KeyvRedis(url, { throwOnErrors: true })`',
    ],
    [
      'an instance that shares objects',
      Object.assign(new Keyv({ throwOnErrors: true }), { serialize: undefined }),
      'Expected `keyv.serialize` to be a function, got `undefined`',
    ],
  ])('throws a TypeError that says what to do for %s', (_what, keyv, message) => {
    const make = () => fromKeyv(keyv as KeyvLike);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

describe('A failure of the adapter', () => {
  const broken = new Error('disk is full');

  it.each<[keyof KeyvLike, (client: KeyvClient) => Promise<unknown>]>([
    ['get', (client) => client.get('sid')],
    ['set', (client) => client.set('sid', ann(), HOUR)],
    ['delete', (client) => client.destroy('sid')],
  ])('in `%s` is a rejection', async (method, ask) => {
    const { adapter, client } = open();
    await client.set('sid', ann(), HOUR);
    Object.assign(adapter, { [method]: () => Promise.reject(broken) });
    await expect(ask(client)).rejects.toBe(broken);
  });

  it('would look like a missing session with the defaults of Keyv', async () => {
    const adapter = new Adapter();
    adapter.get = () => Promise.reject(broken);
    expect(await new Keyv({ store: adapter }).get('sid')).toBeUndefined();
  });

  it('is a rejection even if it is only `false`', async () => {
    const { adapter, client } = open();
    await client.set('sid', ann(), HOUR);
    adapter.set = async () => false;
    adapter.delete = async () => false;
    await expect(client.set('sid', ann(), HOUR)).rejects.toThrow('Keyv could not store the session');
    await expect(client.destroy('sid')).rejects.toThrow('Keyv could not delete the session');
    await expect(client.destroy('missing')).resolves.toBeUndefined();
  });

  it('logs nobody out', async () => {
    const { adapter, client } = open();
    const { store } = session({ store: client });
    await store.set('sid', ann());
    const { get } = adapter;
    adapter.get = () => Promise.reject(broken);
    await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE', cause: broken });
    adapter.get = get;
    expect(await store.get('sid')).toEqual(ann());
    await store.close();
  });
});

describe('The events of an adapter', () => {
  it('report the connection to the application, and requests wait for it', async () => {
    const { adapter, client } = open();
    const sessions = session({ store: client });
    const heard: string[] = [];
    for (const event of ['connect', 'disconnect'] as const) sessions.store.on(event, () => heard.push(event));
    await sessions.store.set('sid', ann());
    adapter.emit('disconnect');
    const waiting = sessions.store.get('sid');
    adapter.emit('connect');
    expect(await waiting).toEqual(ann());
    expect(heard).toEqual(['disconnect', 'connect']);
    await sessions.close();
    expect(adapter.listenerCount('disconnect')).toBe(0);
  });
});
