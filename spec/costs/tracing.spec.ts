import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Budget } from '../../lib/client/budget';
import { ClientCaller } from '../../lib/client/caller';
import { ConnectionState } from '../../lib/client/status';
import session from '../../lib/main';
import { promiseCounter } from '../helpers/costs/promise-counter';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';

const CALLS = 100;
const PARTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map(
  (part) => `tracing:koa-evented-session:store:${part}`,
);
const SESSION = 'koa-evented-session:session';

/** Counts how often a message asks for the kind of its store, which every message names. */
class CountingStore extends session.MemoryStore {
  asked = 0;

  override get kind() {
    this.asked += 1;
    return super.kind;
  }
}

const listener = () => undefined;
afterEach(() => {
  for (const name of [...PARTS, SESSION]) unsubscribe(name, listener);
});

/** Promises that calls of a client make which answers at once. */
function promisesOfCalls(): number {
  const caller = new ClientCaller({}, new ConnectionState(0), 1000);
  const budget = new Budget(1000);
  const ask = () => null;
  const counter = promiseCounter();
  counter.begin();
  for (let n = 0; n < CALLS; n += 1) void caller.call('get', 'load', budget, ask, 'key');
  return counter.end();
}

describe('A call of the store', () => {
  it('makes no promise but its answer while nobody listens', () => {
    expect(promisesOfCalls()).toBe(CALLS);
  });

  it.each(PARTS)('is told of if %s alone has a subscriber', (name) => {
    subscribe(name, listener);
    expect(promisesOfCalls()).toBeGreaterThan(CALLS);
  });

  it('makes no promise but its answer once nobody listens any more', () => {
    subscribe(PARTS[0] as string, listener);
    unsubscribe(PARTS[0] as string, listener);
    expect(promisesOfCalls()).toBe(CALLS);
  });
});

describe('The requests of a session', () => {
  async function live(store: session.SessionStore) {
    const { visitor } = await closedAfterTest(openSite({ use: session({ store, rolling: true }) }));
    const { get } = visitor();
    for (const path of ['/put?n=1', '/see', '/put?n=2', '/logout']) expect((await get(path)).status).toBe(200);
  }

  it('make no message and run nothing in a channel while nobody listens', async () => {
    const store = new CountingStore();
    const spies = [...PARTS, SESSION].flatMap((name) => [
      jest.spyOn(channel(name), 'publish'),
      jest.spyOn(channel(name), 'runStores'),
    ]);
    await live(store);
    const calls = spies.map(({ mock }) => mock.calls.length);
    for (const spy of spies) spy.mockRestore();
    expect(calls).toEqual(calls.map(() => 0));
    expect(store.asked).toBe(0);
    store.close();
  });

  it('make a message for each call if somebody listens', async () => {
    const store = new CountingStore();
    subscribe(PARTS[3] as string, listener);
    await live(store);
    // create, load and touch, load and swap, load and remove
    expect(store.asked).toBe(7);
    store.close();
  });
});
