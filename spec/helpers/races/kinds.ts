import type { Requests } from './race';

const HOUR = 60 * 60 * 1000;

const rolling = { rolling: true };
/** The record has less than half of its day left. */
const renewing = { options: { renew: true }, age: 13 * HOUR };

const logouts: Record<string, Requests> = {
  'a logout against slow writes': { requests: ['/logout/x', '/write/a', '/write-twice/b', '/remove/user'] },
  'a logout against rolling reads': { requests: ['/logout/x', '/read/a', '/read/b'], options: rolling },
  'a logout against touches': { requests: ['/logout/x', '/touch/a', '/touch/b', '/write/c'] },
  'a logout against counters': { requests: ['/logout/x', '/count/a', '/count/b'] },
  'a logout against a regenerate': { requests: ['/destroy/x', '/regenerate/y', '/write/a'] },
  'a logout against a regenerate with its data': { requests: ['/logout/x', '/keep/y', '/write/a'] },
  'a logout against another one': { requests: ['/logout/x', '/destroy/y', '/write/a'] },
};
const regenerates: Record<string, Requests> = {
  'a regenerate against slow writes': { requests: ['/regenerate/x', '/write/a', '/write-twice/b', '/remove/user'] },
  'a regenerate with its data against slow writes': { requests: ['/keep/x', '/write/a', '/write-twice/b', '/count/c'] },
  'a regenerate against reads and touches': { requests: ['/keep/x', '/read/a', '/touch/b'], options: rolling },
  'a regenerate against others': { requests: ['/keep/x', '/keep/y', '/regenerate/z', '/write/a'] },
};
const writes: Record<string, Requests> = {
  'disjoint writes': { requests: ['/write/a', '/write/b', '/write-twice/c', '/remove/user', '/write/d'] },
  counters: { requests: ['/count/a', '/count/b', '/count/c', '/count/d', '/write/e'] },
};
/** Races that need a store which says how long a record has left. */
export const comparing: Record<string, Requests> = {
  'a logout against renewing reads': { requests: ['/logout/x', '/read/a', '/read/b'], ...renewing },
  'a regenerate against renewing reads': { requests: ['/keep/x', '/read/a', '/write/b'], ...renewing },
};

/** A race that needs a store which notices that another came first. */
export const givenUp: Record<string, Requests> = {
  'a logout against writes that are given up on and arrive later': {
    requests: ['/logout/x', '/write/a', '/count/b', '/write-twice/c'],
    options: { timeout: 200, reconnectTimeout: 300 },
    delay: 0.3,
  },
};

/** Races of one session that must end well whatever the store can do. */
export const everywhere = { ...logouts, ...regenerates, ...writes };

/** Races in which up to two calls fail. */
export const troubled: Record<string, Requests> = Object.fromEntries(
  Object.entries({
    'a logout against a write': ['/logout/x', '/write/a'],
    'a logout against a login': ['/logout/x', '/regenerate/y'],
    'a logout against a rotation': ['/logout/x', '/keep/y', '/write/a'],
    'two logouts against a rotation': ['/logout/x', '/destroy/z', '/keep/y'],
    'two logins': ['/regenerate/x', '/regenerate/y', '/write/a'],
    'a login against a rotation': ['/regenerate/x', '/keep/y', '/write/a'],
    'two rotations': ['/keep/x', '/keep/y', '/write/a'],
    'a rotation against writes': ['/keep/x', '/write/a', '/write-twice/b', '/touch/c'],
    writes: ['/write/a', '/write/b', '/write-twice/c'],
  }).map(([what, requests]) => [`${what}, while calls go wrong`, { requests, troubles: 2 }]),
);
