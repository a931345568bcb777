import { MemoryStore, Store } from '../../lib/main';
import { fakeClock, pass, settled } from '../helpers/time/fake-clock';

/** A store whose loads wait until they are answered. */
class HeldStore extends MemoryStore {
  readonly answers: (() => void)[] = [];

  override load(): never {
    return new Promise((resolve) => this.answers.push(() => resolve(null))) as never;
  }
}

describe('a crowd of requests for one record', () => {
  beforeEach(fakeClock);
  afterEach(() => {
    jest.useRealTimers();
  });

  it('sends another load after 50 ms without an answer, then after 100 ms; after an answer, it waits for 50 ms again', async () => {
    const client = new HeldStore();
    const store = new Store(client);
    const arrive = () => {
      const loaded = store.records.load(store.keyOf('sid'), store.newBudget(), false);
      loaded.catch(() => undefined);
      return loaded;
    };
    const loads = () => client.answers.length;
    // Eight load by themselves, and the ninth begins a crowd.
    for (let n = 1; n <= 9; n += 1) arrive();
    await settled();
    expect(loads()).toBe(9);

    arrive();
    await pass(49);
    expect(loads()).toBe(9);
    await pass(1);
    expect(loads()).toBe(10);

    const answered = arrive();
    await pass(99);
    expect(loads()).toBe(10);
    await pass(1);
    expect(loads()).toBe(11);

    arrive();
    client.answers[10]?.();
    expect(await answered).toEqual({ found: 'nothing' });
    await settled();
    expect(loads()).toBe(12);

    arrive();
    await pass(49);
    expect(loads()).toBe(12);
    await pass(1);
    expect(loads()).toBe(13);
  });
});
