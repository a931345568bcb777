import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import session, { type Session } from '../../lib/main';
import { type MongoStandIn, startMongoStandIn } from '../helpers/databases/mongo-stand-in';
import { recipe } from '../helpers/docs/recipe';
import { browser } from '../helpers/http/serve';
import { failuresOf, runContract } from '../helpers/stores/contract-run';
import { until } from '../helpers/time/until';
import { interop } from '../interop';

type MongoStore = ExpressStoreLike & { collectionP: Promise<unknown>; close(): Promise<void> };
const { MongoStore, createWebCryptoAdapter } = interop('connect-mongo') as {
  MongoStore: { create(options: object): MongoStore };
  createWebCryptoAdapter(options: object): object;
};

let server: MongoStandIn;
const open: MongoStore[] = [];
beforeAll(async () => {
  server = await startMongoStandIn();
});
afterEach(async () => {
  for (const store of open.splice(0)) {
    // A store that is closed before it has connected rejects a promise that nobody can handle.
    await store.collectionP;
    await store.close();
  }
  server.documents.clear();
});
afterAll(() => server.stop());

function create(options: object = {}): MongoStore {
  const store = MongoStore.create({ mongoUrl: server.url, ...options });
  open.push(store);
  return store;
}

describe('The program of the page, on the stand-in for MongoDB,', () => {
  const program = recipe('mongodb', 'app.listen');

  it('keeps a session, and ends with its connection', async () => {
    const visitor = browser(await program.start({ MONGO_URL: server.url }));
    expect([(await visitor.get('/')).text, (await visitor.get('/')).text]).toEqual(['views: 1', 'views: 2']);
    const [[id, { session: stored, expires }]] = [...server.documents] as [
      [string, { session: string; expires: Date }],
    ];
    expect(id).toMatch(/^shop:sess:/);
    expect(JSON.parse(stored)).toMatchObject({ views: 2 });
    const day = 24 * 60 * 60 * 1000;
    expect(Math.abs(expires.getTime() - Date.now() - day)).toBeLessThan(60_000);
    expect(server.commands).toContain('createIndexes');
    expect(await program.program.end('SIGTERM')).toBe(0);
  });
});

describe('connect-mongo on the stand-in for MongoDB', () => {
  const cryptoAdapter = createWebCryptoAdapter({ secret: 'the secret of the specs', iterations: 1000 });

  it.each([
    ['by default', {}, []],
    ['with stringify: false', { stringify: false }, ['returns any text', 'keeps of any value what JSON keeps']],
    ['with a cryptoAdapter', { cryptoAdapter }, []],
  ])('passes the store contract except about keys, and half emoji as objects: %s', async (_how, options, more) => {
    const store = create(options);
    const failures = failuresOf(await runContract(() => fromExpressStore(store)));
    const isAboutKeys = (title: string) => title.startsWith('lists ') && title.endsWith('if it has `keys`');
    expect(Object.keys(failures).filter(isAboutKeys)).toHaveLength(4);
    expect(Object.keys(failures).filter((title) => !isAboutKeys(title))).toEqual(more);
  });

  it('reads nothing in the clear with a cryptoAdapter', async () => {
    const client = fromExpressStore(create({ cryptoAdapter }));
    await client.set('sid', { cookie: {}, user: 'ann' } as Session, 60_000);
    expect(JSON.stringify([...server.documents])).not.toContain('ann');
    expect(await client.get('sid')).toMatchObject({ user: 'ann' });
  });

  it('with touchAfter, sessions get a key lastModified, and an extension is left out', async () => {
    const client = fromExpressStore(create({ touchAfter: 3600 }));
    await client.set('sid', { cookie: {}, user: 'ann' } as Session, 60_000);
    expect(await client.get('sid')).toMatchObject({ user: 'ann', lastModified: expect.any(Date) });
    expect(await client.touch?.('sid', 120_000)).toBe(true);
    const [{ expires }] = [...server.documents.values()] as [{ expires: Date }];
    expect(expires.getTime() - Date.now()).toBeLessThan(61_000);
  });

  it('reports an outage only when a call fails, and works again after it', async () => {
    const client = fromExpressStore(create({ mongoOptions: { serverSelectionTimeoutMS: 300 } }));
    await client.set('sid', { cookie: {}, user: 'ann' } as Session, 60_000);
    const store = new session.Store(client);
    await server.stop();
    await expect(Promise.resolve(client.get('sid'))).rejects.toThrow(/ECONNREFUSED|closed/);
    expect(store.status).toBe('available');
    await server.listen();
    // The driver looks for the server every half a second, and each call waits for 300 ms.
    const find = async () => await client.get('sid');
    await until(() =>
      find().then(
        () => true,
        () => false,
      ),
    );
    expect(await find()).toMatchObject({ user: 'ann' });
    store.close();
  });

  it('cannot list its sessions', async () => {
    const client = fromExpressStore(create());
    await client.set('koa:sess:sid', { cookie: {} } as Session, 60_000);
    const store = new session.Store(client);
    await expect(store.count()).rejects.toThrow('does not tell the ids of its sessions');
    store.close();
  });
});
