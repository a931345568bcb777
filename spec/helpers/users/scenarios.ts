import type { Scenario } from './world';

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;

/** Older than any request can be that is under way. */
const old = { age: HOUR };

/** With ids that are old enough to be renewed. */
const renewing = { options: { renewId: { after: HOUR / 2 } }, ...old };

const ends: Record<string, Scenario> = {
  'logins against the end of all': {
    before: ['ann: login u1', 'bob: visit', 'eve: login u2'],
    requests: ['cat: login u1, read', 'bob: enter u1, read', '-: endAll u1', 'eve: write'],
  },
  'logins that other requests of the session delay, against the end of all': {
    before: ['bob: visit', 'ann: login u1'],
    requests: ['bob: enter u1', 'bob: write', 'bob: write', '-: endAll u1'],
    processes: 1,
  },
  'an update that logs in, against the end of all': {
    before: ['bob: visit', 'eve: login u2'],
    requests: ['bob: update u1, read', 'bob: write, write', 'eve: update u1', '-: endAll u1'],
  },
  'two ends of all': {
    before: ['ann: login u1', 'bob: visit'],
    requests: ['-: endAll u1', 'ann: reset u1, read', 'bob: enter u1, write', 'cat: login u1'],
  },
  'new ids against the end of all': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: keep, keep', 'bob: keep', '-: endAll u1', 'ann: write'],
    ...old,
  },
  'a session that gets a new id twice, against the end of all': {
    before: ['ann: login u1'],
    requests: ['ann: keep, write', 'ann: keep', 'ann: login u1', '-: endAll u1'],
    processes: 3,
  },
  'changes of the user under one id against the end of all': {
    before: ['ann: login u1', 'bob: login u2'],
    requests: ['ann: enter u2, enter u1', 'bob: enter u1, write', '-: endAll u1', '-: endAll u2'],
  },
  'returns of a user whose session was listed long ago': {
    before: ['ann: login u1', 'ann: leave', 'bob: login u1', 'bob: enter u2'],
    requests: ['ann: enter u1, read', 'bob: enter u1, write', '-: endAll u1'],
    ...old,
  },
  'another user with a new id against the ends of both': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: keep-as u2', 'ann: enter u3', 'bob: keep-as u2, write', '-: endAll u1', '-: endAll u2'],
  },
  'a new id while the user changes under the old one': {
    before: ['ann: login u1', 'bob: login u2'],
    requests: ['ann: keep, write', 'ann: enter u2', 'ann: leave', '-: endAll u2'],
    ...old,
  },
  'extensions against the end of all': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: read, read', 'bob: touch, read', '-: endAll u1', 'eve: login u2'],
    options: { rolling: true, ttl: HOUR },
    age: 50 * MINUTE,
  },
  'renewals against the end of all': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: read, write', 'ann: write', 'bob: read', '-: endAll u1'],
    ...renewing,
  },
  'logouts against the end of all': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: logout, login u1', 'bob: logout', 'bob: write', '-: endAll u1'],
  },
};

const others: Record<string, Scenario> = {
  'the end of all others against logins': {
    before: ['ann: login u1', 'bob: login u1', 'cat: visit'],
    requests: ['ann: others, write', 'ann: write', 'bob: write', 'cat: enter u1, read', 'dan: login u1'],
    survives: 'ann',
  },
  'the end of all others, and a new id': {
    before: ['ann: login u1', 'bob: login u1', 'cat: visit'],
    requests: ['ann: others-keep, write', 'bob: keep, read', 'cat: enter u1', 'dan: login u1'],
    survives: 'ann',
    ...old,
  },
  'the end of all others while the session that stays gets a new id': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: others, read', 'ann: keep, keep', 'bob: keep, write', 'cat: login u1'],
    survives: 'ann',
    ...old,
  },
  'the end of all others, and a login in the same request': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: others-login u1, write', 'bob: enter u1, read', 'dan: login u1', '-: endAll u2'],
    survives: 'ann',
  },
  'two that end all others': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: others-keep', 'bob: others-login u1', 'cat: login u1'],
  },
  'a request that ends the sessions of one user and logs in as another': {
    before: ['ann: login u1', 'bob: login u2'],
    requests: ['ann: others, enter u2', 'bob: others-login u2', 'cat: reset-as u2', '-: endAll u2'],
  },
  'one session ended by its handle': {
    before: ['ann: login u1', 'bob: login u1', 'cat: login u2'],
    requests: ['-: end ann, list u1', 'ann: keep, write', 'ann: write', 'bob: write', 'cat: enter u1'],
    survives: 'bob',
  },
  'one session ended by its handle while its user changes': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['-: end ann', 'ann: keep-as u2', 'ann: enter u3', 'bob: read'],
    survives: 'bob',
  },
  'the end of all others while ids are renewed': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: others, write', 'ann: write', 'ann: read', 'bob: read'],
    survives: 'ann',
    ...renewing,
  },
  'one session ended by its handle while its id is renewed': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['-: end ann', 'ann: write, read', 'ann: write', 'bob: write'],
    survives: 'bob',
    ...renewing,
  },
  'readers of a list while sessions get new ids': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['-: list u1, list u1', 'ann: keep, keep', 'bob: keep', 'cat: login u1'],
    ...old,
    left: { u1: 3 },
  },
};

const endOldest = { options: { maxPerUser: 2 } };
const refuse = { options: { maxPerUser: { limit: 2, exceeded: 'refuse' } } } as const;

const limits: Record<string, Scenario> = {
  'logins above the limit': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['cat: login u1', 'dan: login u1', 'eve: login u2', 'ann: write'],
    left: { u1: 2, u2: 1 },
    processes: 3,
    ...endOldest,
  },
  'logins above the limit under old ids': {
    before: ['ann: login u1', 'bob: visit', 'cat: login u2'],
    requests: ['bob: enter u1', 'bob: write', 'cat: enter u1', 'dan: update u1', 'eve: login u1'],
    left: { u1: 2 },
    ...endOldest,
  },
  'logins above the limit while sessions get new ids': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: keep', 'bob: keep, write', 'cat: login u1', 'dan: login u1'],
    left: { u1: 2 },
    ...endOldest,
    ...old,
  },
  'logins above the limit that are refused': {
    before: ['ann: login u1'],
    requests: ['bob: login u1', 'cat: login u1, read', 'dan: enter u1', 'ann: write'],
    left: { u1: 2 },
    processes: 3,
    ...refuse,
  },
  'refused logins that go on, and logouts': {
    before: ['ann: login u1', 'bob: login u1', 'cat: visit'],
    requests: ['cat: enter-early u1, read', 'cat: update u1', 'dan: enter-early u1', 'ann: logout'],
    ...refuse,
  },
  'refused logins while sessions get new ids': {
    before: ['ann: login u1', 'bob: login u1'],
    requests: ['ann: keep, write', 'bob: keep', 'cat: login u1', 'dan: update u1'],
    ...refuse,
    ...old,
  },
  'refused returns of a user whose session was listed long ago': {
    before: ['ann: login u1', 'ann: enter u2', 'bob: login u1', 'cat: login u1'],
    requests: ['ann: enter u1', 'ann: update u1', 'dan: login u1', 'bob: logout'],
    isChecked: 'when stored',
    ...refuse,
    ...old,
  },
};

const all = { ...ends, ...others, ...limits };

/** With a store that carries out calls in the order in which a process makes them. */
const ordered = mapped({ ...ends, ...limits }, (what, scenario) => [
  `${what}, in order`,
  { ...scenario, ordered: true },
]);

/** In which processes die, or calls fail. */
const troubled = mapped(all, (what, { survives: _, left: __, ...scenario }, n) => [
  `${what}, while things go wrong`,
  { ...scenario, processes: 3, deaths: 2, failures: 1, ordered: n % 2 === 0 },
]);

function mapped(
  from: Record<string, Scenario>,
  to: (what: string, scenario: Scenario, n: number) => [string, Scenario],
): Record<string, Scenario> {
  return Object.fromEntries(Object.entries(from).map(([what, scenario], n) => to(what, scenario, n)));
}

/** What requests and scripts do at once, by what it is about. */
export const scenarios: Record<string, Scenario> = { ...all, ...ordered, ...troubled };
