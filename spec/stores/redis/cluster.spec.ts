import session, { type Session, Store } from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import type { NodeRedisClient } from '../../../lib/stores/redis/driver';
import { storeContract } from '../../../lib/testing';
import { browser } from '../../helpers/http/serve';
import { startBreaking } from '../../helpers/network/breaking-line';
import { startSilentProxy } from '../../helpers/network/silent-proxy';
import { countsOnceContract } from '../../helpers/races/counts-once';
import { type RedisCluster, startCluster } from '../../helpers/redis/cluster';
import { type Driver, driverOf, drivers } from '../../helpers/redis/drivers';
import type { RedisServer } from '../../helpers/redis/server';
import { openTwo } from '../../helpers/sites/endings-contract';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite, sentId } from '../../helpers/sites/session-site';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** A store on the cluster, and how to be rid of it and its client. */
interface Open {
  store: RedisStore;
  end(): Promise<void>;
}

const withClient = (driver: Driver) => async (): Promise<Open> => {
  const client = driver.openCluster(cluster.addresses);
  await until(() => driver.isReady(client));
  const store = redisStore({ client });
  return { store, end: () => Promise.all([store.close(), driver.end(client)]).then(() => undefined) };
};

const ways: [string, () => Promise<Open>][] = [
  [
    'made by `isRedisCluster` and `nodes`',
    async () => {
      const nodes = Object.freeze(cluster.addresses.map((address) => Object.freeze(address)));
      const store = redisStore(Object.freeze({ isRedisCluster: true, nodes }));
      return { store, end: () => store.close() };
    },
  ],
  ...drivers
    // All of them in `npm run test:long`.
    .filter(({ name }) => process.env['LONG'] || ['ioredis5', 'redis6'].includes(name))
    .map((driver): [string, () => Promise<Open>] => [`on a Cluster of ${driver.name}`, withClient(driver)]),
];

describe.each(ways)('RedisStore %s', (_how, connect) => {
  let one: Open;
  beforeAll(async () => {
    one = await connect();
  });
  afterAll(() => one.end());

  const open = () => ({
    client: one.store,
    ttlLeft: async (key: string) => Number(await cluster.command(`PTTL ${key}`)),
  });
  storeContract('keeps the contract:', open, { guarantee: 'compare-and-set' });

  it('keeps sessions on every primary', async () => {
    const sids = Array.from({ length: 30 }, (_, n) => `${_how}:${n}`.replaceAll(' ', '-'));
    await Promise.all(sids.map((sid) => one.store.create(sid, '{}', HOUR)));
    const primaries = new Set(await Promise.all(sids.map((sid) => cluster.primaryOf(sid))));
    expect(primaries.size).toBe(3);
    const swaps = sids.map((sid, n) => one.store.swap(sid, `{"n":${n}}`, HOUR, '{}'));
    expect((await Promise.all(swaps)).filter(({ ok }) => !ok)).toEqual([]);
    expect(await Promise.all(sids.map((sid) => one.store.get(sid)))).toEqual(sids.map((_sid, n) => ({ n })));
  });
});

describe.each(drivers)('A site whose RedisStore is on a Cluster of $name', (driver) => {
  it('keeps sessions even if the Cluster was not connected when it was passed in', async () => {
    const client = driver.openCluster(cluster.addresses);
    const store = redisStore({ client });
    const site = await closedAfterTest(openSite({ use: session({ store, reconnectTimeout: 5_000 }) }));
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect(site.errors).toEqual([]);
    await store.close();
    await driver.end(client);
  });
});

describe.each(drivers)('Another process, on a Cluster of $name,', (driver) => {
  it('is told of the end of a session by a process on another driver', async () => {
    const opened = await Promise.all([withClient(driverOf('ioredis5'))(), withClient(driver)()]);
    const stores = opened.map(({ store }) => store);
    const { ann, here, there } = await openTwo(() => stores.shift() as RedisStore);
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect([there.told, there.site.errors]).toEqual([['logout'], []]);
    await Promise.all([here.sessions.close(), there.sessions.close()]);
    await Promise.all(opened.map(({ end }) => end()));
  });
});

it('A closed Cluster of node-redis 4 reports that when it is called', async () => {
  const { store: client, end } = await withClient(driverOf('redis4'))();
  const store = new Store(client);
  await client.client.quit();
  await expect(store.get('sid')).rejects.toMatchObject({
    code: 'ERR_SESSION_STORE_UNAVAILABLE',
    message: 'session store is unavailable: the Cluster was never connected, or was closed: await cluster.connect()',
  });
  await store.close();
  await end();
});

// A Cluster of node-redis 4 does not report its end.
const telling = drivers.filter(({ name }) => name !== 'redis4');
describe.each(telling)('A RedisStore on a Cluster of $name', (driver) => {
  it('reports the end of the Cluster', async () => {
    const { store, end } = await withClient(driver)();
    let disconnects = 0;
    store.on('disconnect', () => {
      disconnects += 1;
    });
    await store.client.quit();
    await until(() => disconnects > 0);
    expect([disconnects, store.connected]).toEqual([1, false]);
    await end();
  });
});

// The error of a command when slots have moved; it may have been carried out.
class DisconnectsClientError extends Error {}

describe.each(drivers.filter(({ name }) => name.startsWith('redis')))('On a Cluster of $name', (driver) => {
  it('a command whose connection the Cluster has dropped is repeated, and may safely run twice', async () => {
    const { store, end } = await withClient(driver)();
    const { client } = store as { client: NodeRedisClient };
    // The script is loaded, so it must not be sent.
    await store.swap('dropped', '{"n":2}', HOUR, '{"n":1}');
    for (const call of [store.mark('dropped', 1), store.take('dropped', 'null ', HOUR), store.remove('dropped')])
      await call;
    // In version 4 all commands go through one method.
    const methods = driver.name === 'redis4' ? (['sendCommand'] as const) : (['set', 'evalSha', 'get', 'del'] as const);
    const dropped: string[] = [];
    for (const method of methods) {
      const command = client[method].bind(client) as (...args: unknown[]) => Promise<unknown>;
      jest.spyOn(client, method as 'get').mockImplementation(async (...args: unknown[]) => {
        const answer = await command(...args);
        if (dropped.includes(method)) return answer;
        dropped.push(method);
        throw new DisconnectsClientError('Disconnects client');
      });
    }
    try {
      const first = await store.create('dropped', '{"n":1}', HOUR);
      const swapped = await store.swap('dropped', '{"n":2}', HOUR, first as string);
      expect(swapped).toEqual({ ok: true, revision: '{"n":2}' });
      expect(await store.load('dropped')).toMatchObject({ record: '{"n":2}' });
      await store.destroy('dropped');
      expect(await store.load('dropped')).toBeNull();
      expect(dropped.sort()).toEqual([...methods].sort());

      const again = async <T>(ask: () => Promise<T>) => {
        dropped.length = 0;
        return ask();
      };
      await store.create('dropped', '{}', HOUR);
      const marked = await again(() => store.mark('dropped', 1));
      // Twice: it is carried out before its connection goes. What it answers last is what there is.
      expect(marked).toEqual({ record: '{}  ', revision: '{}  ' });
      expect(await store.load('dropped')).toMatchObject({ record: '{}  ' });
      expect(await again(() => store.take('dropped', 'null ', HOUR))).toBe('null ');
      expect(await again(() => store.remove('dropped'))).toBe('null ');
      await store.destroy('dropped');
      await store.create('dropped', '{}', HOUR);
      expect(await again(() => store.remove('dropped'))).toBeNull();
      expect(await store.load('dropped')).toBeNull();
    } finally {
      jest.restoreAllMocks();
      await end();
    }
  });
});

describe.each(['ioredis5', 'redis5'].map(driverOf))('Sessions on a Redis Cluster, by $name,', (driver) => {
  let own: RedisCluster;
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    own = await startCluster();
  });
  afterEach(() => Promise.all(ends.splice(0).map((end) => end())));
  afterAll(() => own.stop());

  /** Two processes of one application: a site each, with a separate client; visitors use either. */
  const open = async () => {
    const opened = await Promise.all(
      [1, 2].map(async () => {
        const client = driver.openCluster(own.addresses);
        await until(() => driver.isReady(client));
        const store = redisStore({ client });
        ends.push(() => Promise.all([store.close(), driver.end(client)]).then(() => undefined));
        return closedAfterTest(openSite({ use: session({ store }) }));
      }),
    );
    const [here, there] = opened as [(typeof opened)[0], (typeof opened)[0]];
    const ann = here.visitor();
    const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
    const sites = [ann, browser(there.url, ann.jar)] as const;
    let written = 0;
    /** Writes separate keys through both, at the same time. */
    const write = async (parallel = 10) => {
      const from = written;
      written += parallel;
      const names = Array.from({ length: parallel }, (_, n) => `k${from + n}`);
      const replies = await Promise.all(names.map((name, n) => sites[n % 2 ? 1 : 0].get(`/put?${name}=1`)));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    };
    /** Every key that was written is in the session. */
    const all = async () => {
      const names = Array.from({ length: written }, (_, n) => [`k${n}`, '1']);
      for (const site of sites) {
        expect((await site.get('/see')).json()).toEqual({ user: 'ann', ...Object.fromEntries(names) });
      }
      return JSON.parse(await own.command(`GET ${key}`)) as Session;
    };
    return { key, write, all };
  };

  it('lose nothing while their slot moves', async () => {
    const { key, write, all } = await open();
    await write();
    const source = await own.primaryOf(key);
    const target = own.nodes.find((node) => node !== source) as RedisServer;
    const slot = await source.command(`CLUSTER KEYSLOT ${key}`);
    const [from, to] = [await own.idOf(source), await own.idOf(target)];

    await target.command(`CLUSTER SETSLOT ${slot} IMPORTING ${from}`);
    await source.command(`CLUSTER SETSLOT ${slot} MIGRATING ${to}`);
    await write();
    const during = write(50);
    await source.command(`MIGRATE 127.0.0.1 ${target.port} ${key} 0 5000`);
    await during;
    expect(await target.command('CLUSTER COUNTKEYSINSLOT '.concat(slot))).toBe('1');
    // The source sends who asks on to the target.
    await write();
    await target.command('SCRIPT FLUSH');
    await write();
    for (const node of [target, source]) await node.command(`CLUSTER SETSLOT ${slot} NODE ${to}`);
    await write();
    expect(await all()).toMatchObject({ user: 'ann' });
    expect(await own.primaryOf(key)).toBe(target);
  });

  it('are all listed by `keys` although their slot moves to a server that has been listed already', async () => {
    const client = driver.openCluster(own.addresses);
    await until(() => driver.isReady(client));
    const store = redisStore({ client });
    ends.push(() => Promise.all([store.close(), driver.end(client)]).then(() => undefined));
    const all = Array.from({ length: 60 }, (_, n) => `walk:${n}`);
    await Promise.all(all.map((key) => store.create(key, '{}', HOUR)));
    const first = await store.keys('walk:');
    // The last server of the walk gives a slot to the first one.
    const listed = first.keys[0] as string;
    const rest = all.filter((key) => !first.keys.includes(key));
    const target = await own.primaryOf(listed);
    const key = rest.at(-1) as string;
    const source = await own.primaryOf(key);
    expect(source).not.toBe(target);
    const slot = await source.command(`CLUSTER KEYSLOT ${key}`);
    const [from, to] = [await own.idOf(source), await own.idOf(target)];
    await target.command(`CLUSTER SETSLOT ${slot} IMPORTING ${from}`);
    await source.command(`CLUSTER SETSLOT ${slot} MIGRATING ${to}`);
    await source.command(`MIGRATE 127.0.0.1 ${target.port} ${key} 0 5000`);
    const found = new Set(first.keys);
    const walk = async (start = first.cursor) => {
      for (let cursor = start; cursor !== undefined; ) {
        const page = await store.keys('walk:', cursor);
        for (const each of page.keys) found.add(each);
        cursor = page.cursor;
      }
    };
    // Nobody can tell where its keys are while it moves.
    await expect(walk()).rejects.toThrow(`Slots ${slot} are moving to another server of the Cluster`);
    for (const node of [target, source]) await node.command(`CLUSTER SETSLOT ${slot} NODE ${to}`);
    await own.whole();
    await walk();
    expect([...found].sort()).toEqual([...all].sort());
    await Promise.all(all.map((each) => store.destroy(each)));
  });

  it('are listed by `keys` from the one server that has all, if the prefix has a hash tag', async () => {
    const client = driver.openCluster(own.addresses);
    await until(() => driver.isReady(client));
    const store = redisStore({ client });
    ends.push(() => Promise.all([store.close(), driver.end(client)]).then(() => undefined));
    await Promise.all(['a', 'b', 'c{d}'].map((sid) => store.create(`{shop}:${sid}`, '{}', HOUR)));
    const { keys, cursor } = await store.keys('{shop}:');
    expect([[...keys].sort(), cursor]).toEqual([['{shop}:a', '{shop}:b', '{shop}:c{d}'], undefined]);
  });

  it('lose nothing if all servers forget their scripts', async () => {
    const { write, all } = await open();
    const flush = () => Promise.all(own.nodes.map((node) => node.command('SCRIPT FLUSH')));
    for (let round = 0; round < 5; round += 1) {
      await flush();
      await Promise.all([write(), flush()]);
    }
    await all();
  });

  /** A replica of the primary that has all of it. */
  const followed = async (primary: RedisServer) => {
    const replica = await own.addReplica(primary);
    const offset = async (node: RedisServer) => Number((await node.info('replication'))['master_repl_offset']);
    const written = await offset(primary);
    await until(async () => (await offset(replica)) >= written);
    return replica;
  };
  const promoted = (replica: RedisServer) =>
    until(async () => (await replica.info('replication'))['role'] === 'master');

  it('lose nothing while a replica takes over from its primary', async () => {
    const { key, write, all } = await open();
    await write();
    const replica = await followed(await own.primaryOf(key));
    const during = write(50);
    await replica.command('CLUSTER FAILOVER');
    await promoted(replica);
    await during;
    await write();
    await all();
    expect(JSON.parse(await replica.command(`GET ${key}`))).toMatchObject({ user: 'ann', k69: '1' });
  });

  // The Clusters of node-redis look for the killed server for many seconds, that of version 5 forever.
  if (!driver.name.startsWith('ioredis')) return;
  it('continue after a replica has taken over from a primary that was killed', async () => {
    const { key, write, all } = await open();
    await write();
    const primary = await own.primaryOf(key);
    const replica = await followed(primary);
    await primary.kill('SIGKILL');
    await replica.command('CLUSTER FAILOVER TAKEOVER');
    await promoted(replica);
    await write();
    await all();
  });
});

it('The connection to one silent node is replaced, and the others stay', async () => {
  const silent = await cluster.primaryOf('koa:sess:sid');
  const proxy = await startSilentProxy(() => silent.port);
  const natMap = { [`127.0.0.1:${silent.port}`]: { host: '127.0.0.1', port: proxy.port } };
  const clusterOptions = { redisOptions: { disconnectTimeout: 50 } };
  const client = redisStore({ isRedisCluster: true, nodes: cluster.addresses, natMap, clusterOptions });
  const store = new Store(client, { timeout: 1000 });
  await store.set('sid', { cookie: {}, user: 'ann' });
  const before = proxy.connections;
  proxy.silence();
  await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' });
  expect(await store.get('sid')).toMatchObject({ user: 'ann' });
  expect(proxy.connections).toBeGreaterThan(before);
  await store.close();
  await client.close();
  await proxy.close();
});

describe('update() on a Cluster of ioredis5, if the connection to a node breaks and the Cluster sends it again,', () => {
  const driver = driverOf('ioredis5');
  countsOnceContract(async () => {
    const line = await startBreaking(cluster.addresses.map(({ port }) => port));
    const natMap = Object.fromEntries(
      cluster.addresses.map(({ port }, n) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: Number(line.ports[n]) }]),
    );
    const far = driver.openCluster(Object.values(natMap), { natMap });
    const near = driver.openCluster(cluster.addresses);
    await until(() => [far, near].every(driver.isReady));
    return { far, near, line, end: () => Promise.all([driver.end(far), driver.end(near), line.close()]) };
  });
});
