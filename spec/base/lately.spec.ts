import { Lately } from '../../lib/base/lately';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('what has happened lately', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is remembered for the given time', () => {
    const lately = new Lately(MINUTE);
    lately.add('a');
    jest.advanceTimersByTime(MINUTE - 1);
    expect([lately.has('a'), lately.has('b'), lately.shift()]).toEqual([true, false, undefined]);
    jest.advanceTimersByTime(1);
    expect([lately.has('a'), lately.size]).toEqual([false, 1]);
    expect([lately.shift(), lately.shift(), lately.size]).toEqual(['a', undefined, 0]);
  });

  it('is remembered from its last occurrence on', () => {
    const lately = new Lately(MINUTE);
    for (const what of ['a', 'b', 'a']) {
      lately.add(what);
      jest.advanceTimersByTime(MINUTE / 2);
    }
    expect([lately.has('a'), lately.shift(), lately.shift()]).toEqual([true, 'b', undefined]);
    lately.delete('a');
    expect([lately.has('a'), lately.size]).toEqual([false, 0]);
  });

  it.each([
    ['set back by two hours', -2 * HOUR, MINUTE],
    ['ahead after a sleep of a minute', MINUTE, 0],
  ])('is forgotten in time if the wall clock is %s', (_how, jump, rest) => {
    const lately = new Lately(MINUTE);
    for (let n = 0; n < 1000; n += 1) lately.add(n);
    jest.setSystemTime(Date.now() + jump);
    jest.advanceTimersByTime(rest);
    while (lately.shift() !== undefined);
    expect([lately.size, lately.has(999)]).toEqual([0, false]);
  });
});
