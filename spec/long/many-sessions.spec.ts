import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import session = require('../../lib/main');

import { indexOf } from '../../lib/persistence/user-index';

const DAY = 86_400_000;
const MANY = Number(process.env['MANY'] ?? 100_000);
/** In bytes. The sessions themselves lie in the store. */
const MOST_HEAP = 60_000_000;

jest.setTimeout(120_000);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe(`a user with ${MANY} sessions`, () => {
  const store = new session.MemoryStore({ max: 2 * MANY });
  const mine = session({ store, user: (held) => held['user'] as string | undefined }).of('robot');

  beforeAll(() => {
    for (let n = 0; n < MANY; n += 1) {
      const key = `koa:sess:technical-${n}`;
      store.create(key, JSON.stringify({ cookie: { maxAge: DAY }, user: 'robot', n }), DAY);
      store.enroll(`koa:sess:\u001fuser:${indexOf('robot')}`, key, DAY, 0);
    }
  });
  afterAll(() => store.close());

  it('is counted and walked through, in little memory', async () => {
    const before = heap();
    let [seen, most] = [0, 0];
    for await (const _ of mine) {
      seen += 1;
      if (seen % 20_000 === 0) most = Math.max(most, heap());
    }
    expect([seen, await mine.count()]).toEqual([MANY, MANY]);
    expect(most - before).toBeLessThan(MOST_HEAP);
  });

  it('loses all of them in one call, in little memory', async () => {
    const before = heap();
    expect(await mine.endAll()).toBe(MANY);
    expect([await mine.count(), store.size]).toEqual([0, 0]);
    expect(heap() - before).toBeLessThan(MOST_HEAP);
  });
});
