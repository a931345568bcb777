import type { Store } from '../../middleware/engine';
import { thousands } from '../table';
import { type Check, ok, problem, type Result, skipped, warning } from './finding';
import { type Sample, type UserOf, unlistedIn } from './sample';

/** Bytes of a record from which on it slows each request of its visitor. */
const LARGE = 100_000;

/** What the checks of records look at. */
export interface Records {
  store: Store;
  /** `undefined` if the store cannot list its records. */
  sample: Sample | undefined;
  user: UserOf | undefined;
}

/** Whether records expire. */
export const expiry: Check<Records> = {
  name: 'expiry',
  run: ({ sample }) =>
    among(sample, (records) => records.filter(({ isImmortal }) => isImmortal).length, {
      none: 'every record expires',
      some: (count) =>
        problem(
          `${count} never expire`,
          'Other programs have written them, and they stay for ever. Give each an end: PEXPIRE key 86400000',
        ),
    }),
};

/** Whether records are small. */
export const size: Check<Records> = {
  name: 'record size',
  run: ({ sample }) => {
    const largest = Math.max(0, ...(sample?.records.map(({ bytes }) => bytes) ?? []));
    return among(sample, (records) => records.filter(({ bytes }) => bytes > LARGE).length, {
      none: `the largest has ${thousands(largest)} bytes`,
      some: (count) =>
        warning(
          `${count} over 100 kB, the largest has ${thousands(largest)} bytes`,
          'Each request of these visitors reads all of it. Keep such data elsewhere, and its id in the session',
        ),
    });
  },
};

/** Whether the indexes of users list every session. */
export const userIndex: Check<Records> = {
  name: 'user index',
  run: async ({ sample, store, user }) => {
    if (sample === undefined) return cannotList();
    if (store.index === undefined) return skipped('this store has no index of users');
    const owned = sample.records.filter(({ index }) => index !== undefined).length;
    if (owned === 0) {
      return user === undefined
        ? skipped('no record notes a user: give --user-field if the application has the option `user`')
        : ok(`no session has a user, ${seen(sample)}`);
    }
    const unlisted = await unlistedIn(store, sample);
    if (unlisted.length === 0) return ok(`lists every session that has a user, ${seen(sample)}`);
    return problem(
      `${thousands(unlisted.length)} of ${thousands(owned)} sessions of users are not listed, ${seen(sample)}`,
      'Run `npx koa-evented-session index` with the same options: until then, sessions.of(user) does not find them',
    );
  },
};

function among(
  sample: Sample | undefined,
  count: (records: Sample['records']) => number,
  { none, some }: { none: string; some(count: string): Result },
): Result {
  if (sample === undefined) return cannotList();
  const number = count(sample.records);
  const result = number === 0 ? ok(none) : some(thousands(number));
  return { ...result, found: `${result.found}, ${seen(sample)}` };
}

function cannotList(): Result {
  return skipped('this store cannot list its records');
}

function seen({ records, isPart }: Sample): string {
  return isPart ? `among the first ${thousands(records.length)}` : `of ${thousands(records.length)}`;
}
