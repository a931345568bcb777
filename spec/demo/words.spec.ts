import { fromNow } from '../../demo/pages/words';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('durations in words', () => {
  it.each([
    [-1, 'just now'],
    [0, 'now'],
    [-SECOND, '1 second ago'],
    [59 * SECOND, 'in 59 seconds'],
    [59.6 * SECOND, 'in 1 minute'],
    [-119 * SECOND, '2 minutes ago'],
    [14.6 * MINUTE, 'in 15 minutes'],
    [59.7 * MINUTE, 'in 1 hour'],
    [23 * HOUR, 'in 23 hours'],
    [23.8 * HOUR, 'tomorrow'],
    [-24 * HOUR, 'yesterday'],
    [-72 * HOUR, '3 days ago'],
  ])('%d ms are "%s"', (ms, words) => {
    expect(fromNow(ms)).toBe(words);
  });
});
