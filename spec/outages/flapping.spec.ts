import session from '../../lib/main';
import { runScript } from '../helpers/programs/process-script';
import { arrival, openShop, timed } from '../helpers/sites/outage-shop';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { settled } from '../helpers/time/fake-clock';

const flaps = 1000;

describe('A client whose connection flaps a thousand times', () => {
  afterEach(() => void jest.useRealTimers());

  it('leaves no timer and no listener behind, whichever state it ends in', () => {
    jest.useFakeTimers();
    const client = new EmittingClient();
    const sessions = Array.from({ length: 12 }, (_, n) => session({ store: client, prefix: `${n}:` }));
    const heard: string[] = [];
    sessions[0]?.store.on('disconnect', () => heard.push('disconnect')).on('connect', () => heard.push('connect'));
    const listeners = () => client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const before = listeners();
    for (let flap = 1; flap <= flaps; flap += 1) {
      client.emit('disconnect');
      // One for each store, however long this lasts.
      expect(jest.getTimerCount()).toBe(sessions.length);
      client.emit('connect');
      expect(jest.getTimerCount()).toBe(0);
    }
    expect(heard).toEqual(Array(flaps).fill(['disconnect', 'connect']).flat());
    expect(listeners()).toEqual(before);
    client.emit('disconnect');
    for (const one of sessions) one.close();
    expect([jest.getTimerCount(), client.eventNames()]).toEqual([0, []]);
  });

  it('does not keep the process alive, and causes no warning', async () => {
    const script = `
      const { EventEmitter } = require('node:events');
      const nothing = () => undefined;
      const store = Object.assign(new EventEmitter(), { get: nothing, set: nothing, destroy: nothing });
            const sessions = Array.from({ length: 12 }, () => session({ store, reconnectTimeout: 600_000 }));
      for (let flap = 1; flap <= ${flaps}; flap += 1) store.emit('disconnect') && store.emit('connect');
      store.emit('disconnect');
      process.stdout.write(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length + ' timers');`;
    expect(await runScript('own', script)).toEqual({ code: 0, signal: null, stdout: '0 timers', stderr: '' });
  });

  it.each([
    ['eager', false],
    ['defer', true],
  ])('answers each request in between: %s', async (_mode, defer) => {
    const client = new EmittingClient();
    const strict = await openShop(client, { defer, reconnectTimeout: 10_000 });
    const ann = strict.visitor();
    await ann.get('/put?user=ann');
    let flapping = true;
    const replies = Promise.all(Array.from({ length: 40 }, (_, n) => timed(ann.get(`/put?key${n}=${n}`)))).finally(
      () => {
        flapping = false;
      },
    );
    let flap = 0;
    for (; flap < flaps || flapping; flap += 1) {
      client.emit(flap % 2 ? 'connect' : 'disconnect');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await replies).map(({ reply }) => reply.status)).toEqual(Array(40).fill(200));
    client.emit('connect');
    const { user, ...rest } = (await ann.get('/see')).json<Record<string, string>>();
    expect([user, Object.keys(rest).length]).toEqual(['ann', 40]);
  });

  it('is not called if the connection comes and goes at once', async () => {
    const client = new EmittingClient();
    const strict = await openShop(client, { reconnectTimeout: 10_000 });
    const ann = strict.visitor();
    await ann.get('/put?user=ann');
    const asked = jest.spyOn(client, 'get');
    client.emit('disconnect');
    const [reply] = [ann.get('/see'), await arrival(strict)];
    for (let flap = 1; flap <= flaps; flap += 1) client.emit('connect') && client.emit('disconnect');
    await settled();
    expect([strict.use.store.status, asked.mock.calls]).toEqual(['pending', []]);
    client.emit('connect');
    expect((await reply).json()).toEqual({ user: 'ann' });
  });
});
