import { EventEmitter } from 'node:events';
import { isDisconnected, listenToClient } from '../../lib/client/connection-events';
import { WrappedConnection } from '../../lib/client/wrapped-connection';

/** What is heard of a wrapped store while `emit` runs. */
function heard(store: object, emit: () => void): string[] {
  const told: string[] = [];
  const stop = listenToClient(new WrappedConnection(store), {
    connected: () => told.push('connected'),
    disconnected: () => told.push('disconnected'),
    failed: () => told.push('failed'),
  });
  emit();
  stop();
  return told;
}

const emitter = <State extends object>(state?: State) => Object.assign(new EventEmitter(), state);

describe('The connection of a wrapped store', () => {
  it('is reported by the store if no client can report it', () => {
    const store = emitter({ client: emitter() });
    expect(heard(store, () => ['disconnect', 'connect'].map((event) => store.emit(event)))).toEqual([
      'disconnected',
      'connected',
    ]);
    expect(store.eventNames()).toEqual([]);
  });

  it.each(['client', 'redis'])('is reported by the Redis client that the store has as `%s`', (name) => {
    const redis = emitter({ status: 'ready' });
    const store = emitter({ [name]: redis });
    expect(heard(store, () => ['close', 'connect', 'ready'].map((event) => redis.emit(event)))).toEqual([
      'disconnected',
      'connected',
    ]);
    expect(heard(store, () => store.emit('disconnect'))).toEqual([]);
    expect(redis.eventNames()).toEqual([]);
  });

  it('is lost for a client of node-redis only if it is not ready', () => {
    const client = emitter({ isReady: true, isOpen: true });
    const store = { client };
    expect(heard(store, () => client.emit('reconnecting'))).toEqual([]);
    client.isReady = false;
    expect(heard(store, () => ['reconnecting', 'ready'].map((event) => client.emit(event)))).toEqual([
      'disconnected',
      'connected',
    ]);
  });

  it('is reported by `connect` and `disconnect` of a Cluster of node-redis', () => {
    const client = emitter({ isReady: false, slots: [] });
    client.on('error', () => undefined);
    expect(heard({ client }, () => ['error', 'disconnect', 'connect'].map((event) => client.emit(event)))).toEqual([
      'failed',
      'disconnected',
      'connected',
    ]);
  });

  it('is never lost if nothing reports it', () => {
    expect(heard({ client: {} }, () => undefined)).toEqual([]);
    expect(isDisconnected(new WrappedConnection({}))).toBe(false);
  });

  it.each<[boolean, string, object]>([
    [true, 'node-redis that connects', { client: emitter({ isReady: false, isOpen: true }) }],
    [false, 'node-redis that is connected', { client: emitter({ isReady: true, isOpen: true }) }],
    [false, 'node-redis that nobody has opened', { client: emitter({ isReady: false, isOpen: false }) }],
    [true, 'ioredis that connects', { client: emitter({ status: 'connecting' }) }],
    [false, 'ioredis that connects when asked', { client: emitter({ status: 'wait' }) }],
    [true, 'a store that says so', emitter({ connected: false })],
    [false, 'a store that says nothing', emitter()],
  ])('is lost (%s) at first for %s', (isLost, _what, store) => {
    expect(isDisconnected(new WrappedConnection(store))).toBe(isLost);
  });

  it('works without `off`', () => {
    const events = new EventEmitter();
    const removing = { on: events.on.bind(events), removeListener: events.removeListener.bind(events) };
    expect(heard(removing, () => events.emit('disconnect'))).toEqual(['disconnected']);
    expect(events.listenerCount('disconnect')).toBe(0);
    const lasting = { on: events.on.bind(events) };
    expect(heard(lasting, () => events.emit('connect'))).toEqual(['connected']);
  });
});
