import session = require('../../lib/main');

import { indexOf } from '../../lib/persistence/user-index';

const DAY = 86_400_000;
/** Several pages of the index. */
const MANY = 2500;

describe('a user with very many sessions', () => {
  function many() {
    const store = new session.MemoryStore();
    const members = jest.spyOn(store, 'members');
    const sessions = session({ store, user: (held) => held['user'] as string | undefined });
    for (let n = 0; n < MANY; n += 1) {
      const key = `koa:sess:technical-${n}`;
      store.create(key, JSON.stringify({ cookie: { maxAge: DAY }, user: 'robot', n }), DAY - n);
      store.enroll(`koa:sess:\u001fuser:${indexOf('robot')}`, key, DAY + n, 0);
    }
    return { members, mine: sessions.of('robot'), store };
  }

  it('is walked through page by page', async () => {
    const { members, mine } = many();
    const handles = new Set<string>();
    for await (const { handle } of mine) {
      // A page is read only once the one before has been used.
      expect(members).toHaveBeenCalledTimes(1 + Math.floor(handles.size / 1000));
      handles.add(handle);
    }
    expect(handles.size).toBe(MANY);
    expect(await mine.list()).toHaveLength(MANY);
    expect(await mine.count()).toBe(MANY);
  });

  it('loses all of them although `user` fails on some', async () => {
    const { store } = many();
    const failing = session({
      store,
      user: ({ n, user }) => {
        if (Number(n) % 1000 === 7) throw new TypeError('no user');
        return user as string;
      },
    });
    // These note whose they are.
    for (const n of [7, 1007, 2007]) {
      const key = `koa:sess:technical-${n}`;
      const cookie = { maxAge: DAY, began: Date.now(), index: indexOf('robot'), until: Date.now() + DAY };
      store.set(key, { cookie, user: 'robot', n }, DAY);
    }
    const mine = failing.of('robot');
    expect([await mine.count(), await mine.endAll(), await mine.count()]).toEqual([MANY, MANY, 0]);
  });

  it('loses all of them in one call', async () => {
    const { mine, store } = many();
    expect(await mine.endAll()).toBe(MANY);
    expect([await mine.count(), store.get('koa:sess:technical-0')]).toEqual([0, undefined]);
  });
});
