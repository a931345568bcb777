import { steadyNow } from '../../lib/base/steady-clock';

const HOUR = 3_600_000;

describe('the clock for durations', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    steadyNow();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** What the clock says has passed; `setTo` moves the wall clock alone. */
  function passed(during: () => void): number {
    const start = steadyNow();
    during();
    return steadyNow() - start;
  }
  const move = (ms: number) => jest.setSystemTime(Date.now() + ms);

  it('advances with both clocks', () => {
    expect(passed(() => jest.advanceTimersByTime(1234))).toBe(1234);
  });

  it('advances if the wall clock is set back, even without reads in between', () => {
    const setBack = () => {
      jest.advanceTimersByTime(HOUR);
      move(-2 * HOUR);
      jest.advanceTimersByTime(HOUR);
    };
    expect(passed(setBack)).toBe(2 * HOUR);
  });

  it('counts the sleep of the machine, during which only the wall clock advances', () => {
    expect(passed(() => move(8 * HOUR))).toBe(8 * HOUR);
  });

  it('counts a sleep after the wall clock was set back', () => {
    move(-2 * HOUR);
    steadyNow();
    expect(passed(() => move(HOUR))).toBe(HOUR);
  });

  it('counts the whole sleep after the wall clock has fallen slightly behind', () => {
    const fallBehind = () => {
      move(-300);
      steadyNow();
      move(HOUR);
    };
    expect(passed(fallBehind)).toBe(HOUR);
  });

  it('does not mistake swings of the wall clock for sleep', () => {
    const swing = () => {
      for (let turn = 0; turn < 100; turn += 1) {
        move(turn % 2 === 0 ? -5 : 5);
        steadyNow();
      }
    };
    expect(passed(swing)).toBe(0);
  });

  it('runs no faster if it is read more often, with a wall clock of whole milliseconds', () => {
    jest.useRealTimers();
    const real = performance.now.bind(performance);
    const start = real();
    const first = steadyNow();
    while (real() - start < 50) steadyNow();
    const last = steadyNow();
    expect(last - first).toBeLessThanOrEqual(real() - start + 2);
  });
});
