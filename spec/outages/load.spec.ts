import { setTimeout as pause } from 'node:timers/promises';
import { browser } from '../helpers/http/serve';
import { type CountingProgram, startCounting, tell } from '../helpers/programs/counting-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { CountingClients } from '../helpers/stores/counting-clients';
import { until } from '../helpers/time/until';

describe('An application whose Redis is killed', () => {
  let redis: RedisServer;
  let program: CountingProgram;
  const running: { end(): Promise<unknown> }[] = [];
  const loads: CountingClients[] = [];
  // Two busy cores answer 500 requests that fail at once some time after the last one; what hangs is never answered.
  const load = (clients: number, budget: number) => {
    const load = new CountingClients(program.port, { clients, patience: budget + 10_000, rest: 500 });
    loads.push(load);
    return load;
  };

  const start = async (sessions: object = {}) => {
    redis = await startRedis({ appendonly: true });
    program = await startCounting({ host: '127.0.0.1', port: redis.port }, sessions);
    running.push(program);
  };

  afterEach(async () => {
    for (const load of loads.splice(0)) load.close();
    await Promise.all(running.splice(0).map((each) => each.end()));
    await redis.stop();
  });

  describe('under the load of 500 visitors, each counting in their own session', () => {
    const unharmed = { hung: 0, cookiesCleared: 0, cookiesReplaced: 0, lost: 0 };

    /** What became of the visitors, from before the outage to after it. */
    const survive = async ({ away, budget }: { away: number; budget: number }) => {
      const clients = load(500, budget);
      await clients.start();
      await clients.busy(1_000);
      await redis.kill('SIGKILL');
      // Their sessions begin without a store.
      const newcomers = load(50, budget);
      const begun = newcomers.start();
      await pause(away);
      await redis.restart();
      const back = performance.now();
      const firstSuccess = await clients.firstSuccess(back);
      await Promise.all([begun, clients.everyoneSucceeds(back)]);
      const late = await newcomers.stop();
      const figures = { ...(await clients.stop()), firstSuccess, rejections: (await program.alive()).rejections };
      tell(`Redis away for ${away} ms, requests wait up to ${budget} ms`, figures);
      tell('- visitors who came meanwhile', late);
      expect([figures, late]).toMatchObject([{ ...unharmed, rejections: 0 }, unharmed]);
      expect(firstSuccess).toBeLessThan(1_000);
      expect(program.complaints()).toBe('');
      return { ...figures, refused: figures.refused + late.refused };
    };

    it('for a second: no request fails', async () => {
      await start();
      const figures = await survive({ away: 1_000, budget: 10_000 });
      expect(figures.refused).toBe(0);
    });

    const itWhenLong = process.env['LONG'] ? it : undefined;
    itWhenLong?.('for eight seconds: nothing is lost, and only pending requests may fail', async () => {
      await start();
      const figures = await survive({ away: 8_000, budget: 10_000 });
      // The client gives up a command slightly before the request does: each visitor has one at most.
      expect(figures.refused).toBeLessThanOrEqual(500);
    });

    it('for longer than requests wait: they fail in time, and nothing is lost', async () => {
      await start({ reconnectTimeout: 1_000 });
      const figures = await survive({ away: 5_000, budget: 1_000 });
      expect(figures.refused).toBeGreaterThan(500);
    });
  });

  it('without requests keeps running, even past the reconnectTimeout, and works once Redis is back', async () => {
    await start({ reconnectTimeout: 200 });
    const visitor = browser(program.url);
    expect((await visitor.get('/count')).text).toBe('1');
    await redis.kill('SIGKILL');
    await until(async () => (await program.alive()).status === 'unavailable');
    expect((await visitor.get('/count')).status).toBe(500);
    await redis.restart();
    await until(async () => (await program.alive()).status === 'available');
    expect((await visitor.get('/count')).text).toBe('2');
    expect(await program.alive()).toMatchObject({ rejections: 0, heard: ['connect', 'disconnect', 'connect'] });
    expect(program.complaints()).toBe('');
  });
});
