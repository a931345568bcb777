import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import session, { type SessionError } from '../lib/main';
import { redisStore } from '../lib/redis';
import { gate } from './helpers/gate';
import { closedAfterTest } from './helpers/open-sites';
import { driverOf } from './helpers/redis-drivers';
import { type RedisServer, startRedis } from './helpers/redis-server';
import { openSite, type Routes } from './helpers/session-site';

const routes: Routes = {
  '/count': (ctx) =>
    ctx.sessionHandler
      .update((stored) => {
        stored['count'] = Number(stored['count'] ?? 0) + 1;
        return stored['count'];
      })
      .catch((error: SessionError) => error.code),
};

/** A connection that breaks around the next script: before it is sent on, or once its answer has come. */
async function startBreaking(port: number) {
  const sockets = new Set<Socket>();
  let breaks: 'unsent' | 'unanswered' | undefined;
  let broken = gate();
  let mended = gate();
  mended.open();
  const server = createServer(async (near) => {
    sockets.add(near.on('error', () => undefined));
    await mended.opened;
    const far = connect(port, '127.0.0.1');
    sockets.add(far.on('error', () => undefined));
    let swallows = false;
    const cut = () => {
      breaks = undefined;
      mended = gate();
      near.destroy();
      far.destroy();
      broken.open();
    };
    near.on('data', (chunk) => {
      if (breaks !== undefined && /evalsha/i.test(chunk.toString())) {
        if (breaks === 'unsent') return cut();
        swallows = true;
      }
      far.write(chunk);
    });
    far.on('data', (chunk) => (swallows ? cut() : near.write(chunk)));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    break(how: NonNullable<typeof breaks>) {
      breaks = how;
      broken = gate();
      return broken.opened;
    },
    mend: () => mended.open(),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Two processes: one whose connection breaks, and one that counts meanwhile. */
async function twoProcesses() {
  const line = await startBreaking(redis.port);
  const driver = driverOf('ioredis5');
  const clients = [line.port, redis.port].map((port) => driver.open({ host: '127.0.0.1', port }));
  const [far, near] = await Promise.all(
    clients.map((client) =>
      closedAfterTest(openSite({ use: session({ store: redisStore({ client }) }), routes, keys: ['key'] })),
    ),
  );
  const visitor = (far as NonNullable<typeof far>).visitor();
  await visitor.get('/put?user=ann');
  const cookie = await visitor.jar.getCookieString((far as NonNullable<typeof far>).url);
  const count = async () => (await (near as NonNullable<typeof near>).visitor().get('/count', { cookie })).json();
  const get = (path: string) => (near as NonNullable<typeof near>).visitor().get(path, { cookie });
  const end = async () => {
    await Promise.all(clients.map((client) => driver.end(client)));
    await line.close();
  };
  /** What an update comes to whose connection breaks, while others count so often. */
  const interrupted = async (how: 'unsent' | 'unanswered', others: number) => {
    const broken = line.break(how);
    const reply = visitor.get('/count');
    await broken;
    for (let n = 0; n < others; n += 1) await count();
    line.mend();
    return (await reply).json();
  };
  return { visitor, count, get, interrupted, end };
}

describe('update(), while its connection breaks and the driver sends it again,', () => {
  it.each([0, 1, 7])('counts once where it had been carried out and %i others came in between', async (others) => {
    const { visitor, interrupted, get, end } = await twoProcesses();
    expect(await visitor.get('/count').then((reply) => reply.json())).toBe(1);
    expect(await interrupted('unanswered', others)).toBe(2);
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 2 + others });
    await end();
  });

  it('counts once where it was the first that counted', async () => {
    const { interrupted, get, end } = await twoProcesses();
    expect(await interrupted('unanswered', 1)).toBe(1);
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 2 });
    await end();
  });

  it('counts once where it had not been carried out', async () => {
    const { visitor, interrupted, get, end } = await twoProcesses();
    await visitor.get('/count');
    expect(await interrupted('unsent', 3)).toBe(5);
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 5 });
    await end();
  });

  it('counts once where other requests have written in between', async () => {
    const { visitor, count, get, interrupted, end } = await twoProcesses();
    await visitor.get('/count');
    await get('/put?plain=1');
    expect(await interrupted('unanswered', 1)).toBe(2);
    await get('/put?plain=2');
    expect(await count()).toBe(4);
    await end();
  });

  it('rejects where nobody can tell any more: too many have counted in between', async () => {
    const { visitor, interrupted, get, end } = await twoProcesses();
    await visitor.get('/count');
    expect(await interrupted('unanswered', 9)).toBe('ERR_SESSION_OUTCOME_UNKNOWN');
    expect((await get('/see')).json()).toEqual({ user: 'ann', count: 11 });
    await end();
  });
});
