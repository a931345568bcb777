import { setTimeout as pause } from 'node:timers/promises';
import { MemoryStore, type StoredRecord, type SwapResult } from '../../lib/main';
import { siteWithMember } from '../helpers/races/meanwhile';

const spaces = (count: number) => ' '.repeat(count);

/** A distant store, in which another writer comes first before each of the first swaps and leaves so many spaces. */
class RivalledStore extends MemoryStore {
  rivals: number[] = [];
  readonly calls: { name: string; began: number; length?: number }[] = [];
  readonly #trip: number;

  constructor(trip = 0) {
    super();
    this.#trip = trip;
  }

  override swap(key: string, record: string, ttl: number, expected: number): SwapResult<number> {
    const rival = this.rivals.shift();
    this.calls.push({ name: 'swap', began: performance.now() });
    if (rival !== undefined) this.write(key, rival);
    return this.#far(() => super.swap(key, record, ttl, expected));
  }

  override mark(key: string, length: number): StoredRecord<number> | undefined {
    this.calls.push({ name: 'mark', began: performance.now(), length });
    return this.#far(() => super.mark(key, length));
  }

  /** Another writer's change, with so many spaces. */
  write(key: string, length: number): void {
    const { record, revision } = this.load(key) as StoredRecord<number>;
    const other = { ...JSON.parse(record), other: Number(JSON.parse(record).other ?? 0) + 1 };
    super.swap(key, JSON.stringify(other) + spaces(length), 60_000, revision);
  }

  /** Clients may answer with a promise. */
  #far<T>(answer: () => T): T {
    return this.#trip === 0 ? answer() : (pause(this.#trip).then(answer) as T);
  }
}

async function written(store: RivalledStore, rivals: number[]) {
  const { ann, see } = await siteWithMember({ store }, () => ({}));
  Object.assign(store, { rivals });
  expect((await ann.get('/put?a=1')).status).toBe(200);
  expect(await see()).toMatchObject({ user: 'ann', a: '1' });
  return store.calls;
}

/** A process that is blocked shortens marks, so only what fails five times fails. */
async function inACalmMoment(check: () => Promise<void>, tries = 5): Promise<void> {
  if (tries === 1) return check();
  await check().catch(() => inACalmMoment(check, tries - 1));
}

describe('A writer that has lost twice', () => {
  it('asks others to stand back for its own round trip only, however long it has waited for them', () =>
    inACalmMoment(async () => {
      const calls = await written(new RivalledStore(), [0, 20, 0]);
      expect(calls.map(({ name }) => name)).toEqual(['swap', 'swap', 'swap', 'mark', 'swap']);
      // The 100 ms would make it 40 spaces, which are 200 ms.
      expect(calls[3]?.length).toBeLessThan(40);
    }));

  it('asks others to stand back for the time that its update takes, too', async () => {
    const store = new RivalledStore();
    const { ann, see } = await siteWithMember({ store }, () => ({
      '/slow': (ctx) =>
        ctx.sessionHandler.update(async (session) => {
          await pause(40);
          session['a'] = 1;
        }),
    }));
    store.rivals = [0, 0, 0];
    expect((await ann.get('/slow')).status).toBe(200);
    expect(await see()).toMatchObject({ user: 'ann', a: 1 });
    // 24 spaces are 120 ms, three times the update.
    expect(store.calls.find(({ name }) => name === 'mark')?.length).toBeGreaterThanOrEqual(23);
  });

  it('waits for a mark that is still valid when its own would arrive', () =>
    inACalmMoment(async () => {
      const calls = await written(new RivalledStore(), [0, 0, 20, 0]);
      expect(calls.map(({ name }) => name)).toEqual(['swap', 'swap', 'swap', 'swap', 'mark', 'swap']);
    }));

  it('does not wait for a mark that ends before its own arrives', () =>
    inACalmMoment(async () => {
      const calls = await written(new RivalledStore(60), [0, 0, 1]);
      expect(calls.map(({ name }) => name)).toEqual(['swap', 'swap', 'swap', 'mark', 'swap']);
    }));

  it('continues at once after its own mark, which has cancelled the earlier ones', () =>
    inACalmMoment(async () => {
      const store = new RivalledStore();
      const mark = store.mark.bind(store);
      jest.spyOn(store, 'mark').mockImplementation((key, length) => {
        store.write(key, 40);
        return mark(key, length);
      });
      const calls = await written(store, [0, 0, 0]);
      const [last, swap] = calls.slice(-2);
      expect([last?.name, swap?.name]).toEqual(['mark', 'swap']);
      expect(Number(swap?.began) - Number(last?.began)).toBeLessThan(180);
    }));
});
