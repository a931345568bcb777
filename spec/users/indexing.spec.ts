import session = require('../../lib/main');

import { indexOf } from '../../lib/persistence/user-index';

const HOUR = 60 * 60 * 1000;
const user = ({ user: id }: session.Session) => id as string | undefined;

describe('index()', () => {
  const memory = (store = new session.MemoryStore()) => ({
    store,
    put: (sid: string, record: object) => store.create(`koa:sess:${sid}`, JSON.stringify(record), HOUR),
  });

  it('skips and counts other values than sessions, and sessions whose user is unknown', async () => {
    const { store, put } = memory();
    const sessions = session({
      store,
      user: (held): string | undefined => {
        if (held['user'] === 'bad') throw new Error('who?');
        return held['user'] as string;
      },
    });
    for (let n = 0; n < 50; n += 1) put(`good-${n}`, { cookie: {}, user: 'ann' });
    put('throws', { cookie: {}, user: 'bad' });
    put('object', { cookie: {}, user: {} });
    put('list', []);
    store.create('koa:sess:text', 'neither JSON nor a session', HOUR);
    store.create('koa:sess:marker', 'null \t', HOUR);
    put('nobody', { cookie: {} });
    put('over', { cookie: { expires: new Date(Date.now() - 1000) }, user: 'ann' });
    put('no cookie', { user: 'ann' });
    store.create('other:sid', '{"cookie":{},"user":"ann"}', HOUR);
    expect(await sessions.index()).toEqual({ scanned: 58, listed: 51, skipped: 4 });
    expect(await sessions.of('ann').count()).toBe(51);
  });

  it('skips the sessions of a longer prefix', async () => {
    const { store, put } = memory();
    const sessions = session({ store, user });
    put('own', { cookie: {}, user: 'ann' });
    put('eu:foreign', { cookie: {}, user: 'ann' });
    expect(await sessions.index()).toEqual({ scanned: 2, listed: 1, skipped: 1 });
    expect(await sessions.of('ann').endAll()).toBe(1);
    expect(store.get('koa:sess:eu:foreign')).toBeTruthy();
  });

  it('lists a session for as long as its record says, and for twice its ttl', async () => {
    const ends = new Map<string, number>();
    class Indexing extends session.MemoryStore {
      override enroll(index: string, key: string, ttl: number, elapsed: number) {
        ends.set(key.replace('koa:sess:', ''), ttl / HOUR);
        return super.enroll(index, key, ttl, elapsed);
      }
    }
    const { store, put } = memory(new Indexing());
    const sessions = session({ store, user, ttl: 2 * HOUR });
    const noted = { began: Date.now(), index: indexOf('ann'), until: Date.now() + 9 * HOUR };
    put('short', { cookie: {}, user: 'ann' });
    put('noted', { cookie: noted, user: 'ann' });
    put('of another', { cookie: noted, user: 'bob' });
    store.create('koa:sess:long', '{"cookie":{},"user":"ann"}', 5 * HOUR);
    await sessions.index();
    const hours = [...ends].map(([sid, end]) => [sid, Math.floor(end)]);
    expect(Object.fromEntries(hours)).toEqual({ short: 4, noted: 9, 'of another': 4, long: 10 });
  });

  it('lists sessions that were there before all sessions of their user were ended', async () => {
    const { store, put } = memory();
    const sessions = session({ store, user });
    put('sid', { cookie: {}, user: 'ann' });
    expect(await sessions.of('ann').endAll()).toBe(0);
    expect(await sessions.index()).toMatchObject({ listed: 1 });
    expect(await sessions.of('ann').endAll()).toBe(1);
  });

  it('rejects if the store fails, and goes on from the last progress', async () => {
    let isDown = false;
    class Failing extends session.MemoryStore {
      override load(...args: Parameters<session.MemoryStore['load']>) {
        if (isDown) throw new Error('disk full');
        return super.load(...args);
      }
    }
    const { store, put } = memory(new Failing());
    const sessions = session({ store, user });
    for (let n = 0; n < 2_500; n += 1) put(`sid-${n}`, { cookie: {}, user: 'ann' });
    let cursor: string | undefined;
    const failing = sessions.index({
      onProgress: (progress) => {
        ({ cursor } = progress);
        isDown = true;
      },
    });
    await expect(failing).rejects.toThrow(session.StoreError);
    expect(
      await sessions
        .of('ann')
        .count()
        .catch(() => 'down'),
    ).toBe('down');
    isDown = false;
    expect(await sessions.index({ from: cursor })).toMatchObject({ scanned: 1_500 });
    expect(await sessions.of('ann').count()).toBe(2_500);
  });

  it('lets other work have its turn, and makes about a hundred calls at a time', async () => {
    let [calls, most] = [0, 0];
    class Counting extends session.MemoryStore {
      override load(...args: Parameters<session.MemoryStore['load']>) {
        calls += 1;
        return super.load(...args);
      }
    }
    const { store, put } = memory(new Counting());
    const sessions = session({ store, user });
    for (let n = 0; n < 5_000; n += 1) put(`sid-${n}`, { cookie: {}, user: 'ann' });
    let isDone = false;
    const indexing = sessions.index().finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await new Promise(setImmediate);
      most = Math.max(most, calls);
      calls = 0;
    }
    expect(await indexing).toMatchObject({ listed: 5_000 });
    expect(most).toBeLessThanOrEqual(200);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'without `user`',
      () => session({}).index(),
      'Expected the option `user` to be given, which tells whose a session is',
    ],
    [
      'if the store cannot list its records',
      () => session({ store: Object.assign(new session.MemoryStore(), { keys: undefined }) as never, user }).index(),
      'Expected `store` to list its records: use redisStore(), knexStore(), a MemoryStore, or give the store the method `keys` of an EnumerableStore',
    ],
    [
      'if `keys` of the store is another method',
      () =>
        session({ store: Object.assign(new session.MemoryStore(), { keys: () => ['sid'] }) as never, user }).index(),
      'Expected the method `keys` of `store` to return an object with a list `keys`',
    ],
    ...Object.entries({
      options: ['all', 'Expected `options` to be an object, got `all` (string)'],
      from: [{ from: 7 }, 'Expected `from` to be a string, got `7` (number)'],
      signal: [{ signal: {} }, 'Expected `signal` to be an AbortSignal, got an object'],
      onProgress: [{ onProgress: true }, 'Expected `onProgress` to be a function, got `true` (boolean)'],
    }).map(([name, [options, message]]): [string, () => Promise<unknown>, string] => [
      `for an invalid \`${name}\``,
      () => session({ user }).index(options as never),
      message as string,
    ]),
  ])('rejects with a TypeError %s', async (_when, index, message) => {
    const error: unknown = await index().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(message);
  });

  it.each(['', 'sid-1'])('refuses a cursor that its store has not returned: %p', async (from) => {
    const { store } = memory();
    const refused = session({ store, user }).index({ from });
    await expect(refused).rejects.toThrow(
      /^Expected `from` to be the `cursor` of an earlier progress with the same store and prefix, got/,
    );
    await expect(refused).rejects.toBeInstanceOf(TypeError);
  });

  it('reads nothing once its signal is aborted', async () => {
    const { store, put } = memory();
    put('sid', { cookie: {}, user: 'ann' });
    const sessions = session({ store, user });
    await expect(sessions.index({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    expect(await sessions.of('ann').count()).toBe(0);
  });
});
