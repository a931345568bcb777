import { unref } from '../../lib/base/timer';
import { clockContract } from '../helpers/time/clock-contract';

describe('unref()', () => {
  it('lets the process end while the timer is pending', () => {
    const timer = setTimeout(() => undefined, 1000);
    expect(timer.hasRef()).toBe(true);
    expect(unref(timer)).toBe(timer);
    expect(timer.hasRef()).toBe(false);
    clearTimeout(timer);
  });
});

clockContract();
