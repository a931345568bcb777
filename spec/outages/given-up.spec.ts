import type { Session } from '../../lib/main';
import { openCalmShop, openShop } from '../helpers/sites/outage-shop';
import { type Routes, sessionOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { fakeClock, pass, settled } from '../helpers/time/fake-clock';
import { type Gate, gate } from '../helpers/time/gate';

/** `/hold?gate=name&key=value` sets keys once the gate of that name is opened. */
function holding(): { routes: Routes; gates: Record<string, Gate> } {
  const gates: Record<string, Gate> = {};
  const routes: Routes = {
    '/hold': async (ctx) => {
      const { gate: name, ...keys } = ctx.query as Record<string, string>;
      const current = await sessionOf(ctx);
      await gates[String(name)]?.opened;
      Object.assign(current, keys);
    },
  };
  return { routes, gates };
}

describe('A request that waits for a lost connection', () => {
  afterEach(() => void jest.useRealTimers());

  /** Lets the next reading take so many milliseconds. */
  const slowDown = (client: EmittingClient, ms: number) => {
    const { get } = client;
    client.get = async (key): Promise<Session | null> => {
      client.get = get;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return get.call(client, key);
    };
  };

  it('is told that the store is unavailable, not that it is slow, if its time ends before the outage', async () => {
    const client = new EmittingClient();
    const { routes, gates } = holding();
    const calm = await openCalmShop(client, { reconnectTimeout: 300, timeout: 300 }, routes);
    const ann = calm.visitor();
    await ann.get('/put?user=ann');
    gates['a'] = gate();
    fakeClock();
    slowDown(client, 100);
    const ended = jest.fn();
    const reply = ann.get('/hold?gate=a&key=a').finally(ended);
    await settled();
    await pass(100);
    client.emit('disconnect');
    gates['a'].open();
    await settled();
    await pass(199);
    expect(ended).not.toHaveBeenCalled();
    await pass(1);
    jest.useRealTimers();
    expect((await reply).status).toBe(200);
    expect(calm.told.map(({ type, error }) => [type, error.name, error.operation])).toEqual([
      ['connect', 'StoreUnavailableError', 'set'],
    ]);
  });

  it('and has failed leaves no writes behind when the connection is back', async () => {
    const client = new EmittingClient();
    const { routes, gates } = holding();
    const strict = await openShop(client, { reconnectTimeout: 1000, timeout: 1000 }, routes);
    const ann = strict.visitor();
    await ann.get('/put?user=ann');
    for (const name of ['first', 'short', 'long']) gates[name] = gate();
    fakeClock();
    slowDown(client, 800);
    // Two hundred milliseconds are left to this one when it comes to write.
    const short = ann.get('/hold?gate=short&short=yes');
    await settled();
    await pass(800);
    const [first, long] = ['first', 'long'].map((name) => ann.get(`/hold?gate=${name}&${name}=yes`));
    await settled();
    // While one writes, the others wait in line.
    const written = gate();
    const { set } = client;
    client.set = async (...args) => {
      client.set = set;
      await written.opened;
      return set.apply(client, args);
    };
    for (const name of ['first', 'short', 'long']) {
      gates[name]?.open();
      await settled();
    }
    client.emit('disconnect');
    written.open();
    await settled();
    await pass(300);
    client.emit('connect');
    await settled();
    jest.useRealTimers();
    const statuses = (await Promise.all([first, short, long])).map((reply) => reply?.status);
    expect(statuses).toEqual([200, 500, 200]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', first: 'yes', long: 'yes' });
  });
});
