import { setTimeout as pause } from 'node:timers/promises';
import type { IndexMember } from '../middleware/engine';
import { casesOfAbilities } from './abilities';
import type { Cases } from './cases';
import { expectJson, expectThat, fail } from './expectations';
import { HOUR, MINUTE, MOMENT, type Trial } from './trial';

const LISTED = 'a member must be listed, or its session survives "log out everywhere"';
const PAST = 'a member counts until its end';
const AGE = 'it is the time since the first enrolment, which tells the oldest session of a user';
const LATE = 'a login that began before "log out everywhere" must not outlive it';
const EARLY = 'only requests that began before `endedNow` are refused';
const LATER = 'enrolling again only moves the end later';
const KEPT = '`endedNow` must be remembered as long as it was asked for';

/** How long a member may be listed after its end, in milliseconds. */
const ENDS_WITHIN = 1_500;
/** How exact ends and ages must be, in milliseconds; a busy machine is slow. */
const EXACT = 3_000;
/** Like the `elapsed` of a request that began before anything else here. */
const LONG_AGO = HOUR;

/** The cases for clients with `enroll`, `members`, `dismiss` and `endedNow`. */
const cases: Cases = {
  'lists the members of an index in the order of their ends': async (trial) => {
    await enrolled(trial, 'ann', 'b', HOUR);
    await enrolled(trial, 'ann', 'a', MINUTE);
    await enrolled(trial, 'ann', 'c', 2 * HOUR);
    await enrolled(trial, 'bob', 'c', HOUR);
    await expectMembers(trial, 'ann', ['a', 'b', 'c'], LISTED);
    await expectMembers(trial, 'bob', ['c'], 'each index has its own members');
    await expectMembers(trial, 'eve', [], 'nothing was enrolled there');
    const [a, b] = (await trial.members('ann')) as [IndexMember, IndexMember];
    const apart = b.end - a.end;
    expectThat(isAbout(apart, HOUR - MINUTE), 'ends that are 59 minutes apart', apart, 'a ttl is in milliseconds');
    const isDate = Math.abs(a.end - Date.now()) < 24 * HOUR;
    expectThat(isDate, '`end` in milliseconds since 1970', a.end, 'callers show it');
    expectThat(isAbout(a.enrolledAgo, 0), '`enrolledAgo` in milliseconds', a.enrolledAgo, AGE);
  },

  'keeps members apart whose keys a database may take for equal': async (trial) => {
    const keys = ['abc', 'ABC', 'é', 'e', 'a', 'a ', 'a%', '日本', '🎈', '🎉'];
    for (const key of keys) await enrolled(trial, 'ann', key);
    await enrolled(trial, 'ANN', 'abc');
    expectSame(await keysOf(trial, 'ann'), keys, 'they belong to different sessions');
    await trial.dismiss('ann', [{ key: 'abc' }]);
    await expectMembers(trial, 'ANN', ['abc'], 'each index has its own members');
  },

  'moves the end of a member only later, and keeps its age': async (trial) => {
    await enrolled(trial, 'ann', 'a', HOUR);
    const { end } = await member(trial, 'ann', 'a');
    await pause(2 * MOMENT);
    await enrolled(trial, 'ann', 'a', MINUTE);
    const same = await member(trial, 'ann', 'a');
    expectThat(same.end === end, `the end ${end} to stay`, same.end, LATER);
    await enrolled(trial, 'ann', 'a', 2 * HOUR);
    const { end: later, enrolledAgo } = await member(trial, 'ann', 'a');
    expectThat(isAbout(later - end, HOUR), 'the end to move an hour later', later - end, LATER);
    expectThat(enrolledAgo >= MOMENT, `\`enrolledAgo\` to be more than ${MOMENT}`, enrolledAgo, AGE);
  },

  'gives a member the age of the one in whose place it comes': async (trial) => {
    await enrolled(trial, 'ann', 'old', HOUR);
    await pause(2 * MOMENT);
    await trial.enroll('ann', 'new', HOUR, 0, 'old');
    await trial.enroll('ann', 'other', HOUR, 0, 'missing');
    await trial.enroll('ann', 'other', HOUR, 0, 'old');
    expectSame(await keysOf(trial, 'ann'), ['old', 'new', 'other'], '`from` stays a member until it is dismissed');
    const found = await trial.members('ann');
    const [old, young, other] = ['old', 'new', 'other'].map((key) => found.find((each) => each.key === key));
    const [age, ofNew, ofOther] = [old?.enrolledAgo ?? 0, young?.enrolledAgo ?? 0, other?.enrolledAgo ?? 0];
    expectThat(Math.abs(ofNew - age) <= 2, `\`enrolledAgo\` to be ${age}, as of \`from\``, ofNew, AGE);
    const why = '`from` counts only if it is a member, and for a new member';
    expectThat(ofOther <= age - MOMENT, `\`enrolledAgo\` to be much less than ${age}`, ofOther, why);
  },

  'lists all members in pages, also those that end at the same time': async (trial) => {
    const keys = Array.from({ length: 30 }, (_, n) => `sid-${n}`);
    await Promise.all(keys.map((key) => enrolled(trial, 'ann', key)));
    for (const limit of [1, 7, 30]) {
      const found = await walk(trial, 'ann', limit);
      expectSame([...new Set(found)], keys, `pages of ${limit} must miss no member`);
      expectThat(found.length === keys.length, 'each member once', found.length, 'nothing has changed meanwhile');
    }
  },

  'goes on behind a member that was dismissed, or enrolled again': async (trial) => {
    const keys = Array.from({ length: 12 }, (_, n) => `sid-${n}`);
    await Promise.all(keys.map((key) => enrolled(trial, 'ann', key)));
    const changed = new Set<string>();
    const found = await walk(trial, 'ann', 3, async (last) => {
      const isFirst = !changed.has(last.key);
      changed.add(last.key);
      if (changed.size <= 2) await trial.dismiss('ann', [last]);
      else if (isFirst) await enrolled(trial, 'ann', last.key, 2 * HOUR);
    });
    expectSame([...new Set(found)], keys, 'a walk must miss no member that was there all the time');
  },

  'lists no member that is past its end, and keeps the others': async (trial) => {
    await enrolled(trial, 'ann', 'long', HOUR);
    await enrolled(trial, 'ann', 'short', MOMENT);
    await enrolled(trial, 'bob', 'short', MOMENT);
    await enrolled(trial, 'bob', 'long', HOUR);
    await untilEnded(trial, 'ann', 'short');
    await untilEnded(trial, 'bob', 'short');
    for (const index of ['ann', 'bob']) await expectMembers(trial, index, ['long'], PAST);
  },

  'dismisses members, but none that was enrolled again': async (trial) => {
    for (const key of ['a', 'b', 'c', 'd']) await enrolled(trial, 'ann', key);
    await enrolled(trial, 'bob', 'a');
    const read = await trial.members('ann');
    await enrolled(trial, 'ann', 'c', 2 * HOUR);
    const entries = read.filter(({ key }) => key === 'b' || key === 'c');
    await trial.dismiss('ann', [{ key: 'a' }, ...entries, { key: 'missing' }]);
    await trial.dismiss('eve', [{ key: 'a' }]);
    const why = '`dismiss` removes the given entries, and one with `end` only if it ends then';
    await expectMembers(trial, 'ann', ['d', 'c'], why);
    await expectMembers(trial, 'bob', ['a'], 'each index has its own members');
  },

  'gives a dismissed member a new age and end': async (trial) => {
    await enrolled(trial, 'ann', 'a', HOUR);
    await pause(2 * MOMENT);
    await trial.dismiss('ann', [{ key: 'a' }]);
    const asked = performance.now();
    await enrolled(trial, 'ann', 'a', MINUTE);
    const { end, enrolledAgo } = await member(trial, 'ann', 'a');
    const most = performance.now() - asked + MOMENT;
    expectThat(enrolledAgo < most, `\`enrolledAgo\` to be less than ${most}`, enrolledAgo, AGE);
    await enrolled(trial, 'ann', 'b', HOUR);
    const apart = (await member(trial, 'ann', 'b')).end - end;
    expectThat(
      isAbout(apart, HOUR - MINUTE),
      'ends that are 59 minutes apart',
      apart,
      'nothing is left of a dismissed member',
    );
  },

  'enrolls nothing for a request that began before `endedNow`': async (trial) => {
    await trial.endedNow('ann');
    await pause(MOMENT);
    for (const elapsed of [LONG_AGO, LONG_AGO + 0.5, Number.POSITIVE_INFINITY]) {
      await expectRefusal(trial, 'ann', 'late', elapsed);
    }
    await enrolled(trial, 'ann', 'new');
    await enrolled(trial, 'bob', 'late', HOUR, LONG_AGO);
    const refused = await trial.enroll('ann', 'rotated', HOUR, LONG_AGO, 'new');
    expectThat(refused === false, '`enroll` to return false', refused, `${LATE}, also in the place of another member`);
    await expectMembers(trial, 'ann', ['new'], '`enroll` notes nothing if it returns false');
  },

  'enrolls no member again for a request that began before `endedNow`, and any session that goes on': async (trial) => {
    await enrolled(trial, 'ann', 'a', MINUTE);
    const { end } = await member(trial, 'ann', 'a');
    await trial.endedNow('ann');
    const why = '`endedNow` says nothing about members, which the caller ends one by one';
    await expectMembers(trial, 'ann', ['a'], why);
    await expectRefusal(trial, 'ann', 'a', LONG_AGO, "a key may be listed still, though its session is not the user's");
    const same = await member(trial, 'ann', 'a');
    expectThat(same.end === end, `the end ${end} to stay`, same.end, '`enroll` notes nothing if it returns false');
    await enrolled(trial, 'ann', 'a', HOUR, -1, 'a negative `elapsed` extends a session that goes on');
    const later = (await member(trial, 'ann', 'a')).end - end;
    expectThat(isAbout(later, HOUR - MINUTE), 'the end to move 59 minutes later', later, LATER);
  },

  'takes what is past its end for no member': async (trial) => {
    for (const [index, key, from] of [['ann', 'a', undefined] as const, ['bob', 'b', 'a'] as const]) {
      await enrolled(trial, index, 'a', MOMENT);
      await untilEnded(trial, index, 'a');
      const asked = performance.now();
      await trial.enroll(index, key, HOUR, 0, from);
      const { enrolledAgo } = await member(trial, index, key);
      const most = performance.now() - asked + MOMENT / 2;
      expectThat(enrolledAgo < most, `\`enrolledAgo\` to be less than ${most}`, enrolledAgo, AGE);
    }
  },

  'says how long ago `endedNow` was called when it enrolls': async (trial) => {
    const why =
      'the caller finds out whether its request began before `endedNow`, however long the call took to arrive';
    const none = await trial.enroll('ann', 'before');
    expectThat(none === Number.POSITIVE_INFINITY, '`enroll` to return Infinity', none, why);
    await trial.endedNow('ann');
    await pause(2 * MOMENT);
    for (const key of ['before', 'after', 'after']) {
      const age = Number(await trial.enroll('ann', key, 2 * HOUR));
      expectThat(age >= MOMENT && age < EXACT, `\`enroll\` to return more than ${MOMENT}`, age, why);
    }
    const other = await trial.enroll('bob', 'after');
    expectThat(other === Number.POSITIVE_INFINITY, '`enroll` to return Infinity for another index', other, why);
  },

  'remembers `endedNow` after all members have ended': async (trial) => {
    await enrolled(trial, 'ann', 'short', MOMENT);
    await trial.endedNow('ann', HOUR);
    await untilEnded(trial, 'ann', 'short');
    await expectRefusal(trial, 'ann', 'late', LONG_AGO, KEPT);
  },

  'remembers `endedNow` no shorter after another one': async (trial) => {
    await trial.endedNow('ann', HOUR);
    await trial.endedNow('ann', 1);
    await pause(2 * MOMENT);
    await expectRefusal(trial, 'ann', 'late', LONG_AGO, KEPT);
  },

  'counts the last `endedNow`': async (trial) => {
    // The call may take its time, which `elapsed` cannot include.
    for (let gap = 2 * MOMENT; ; gap *= 3) {
      await trial.endedNow(`ann-${gap}`, HOUR);
      await pause(gap);
      const began = performance.now();
      await pause(gap);
      await trial.endedNow(`ann-${gap}`, MINUTE);
      const asked = performance.now();
      const got = await trial.enroll(`ann-${gap}`, 'late', HOUR, asked - began);
      if (got === false) return;
      expectThat(performance.now() - asked > gap / 2, '`enroll` to return false', got, LATE);
    }
  },

  'lists what it enrolls while `endedNow` is called': async (trial) => {
    const enroll = async (n: number) => {
      await pause((n % 10) * (MOMENT / 10));
      return (await trial.enroll('ann', `sid-${n}`, HOUR, LONG_AGO)) === false ? undefined : `sid-${n}`;
    };
    const enrolling = Array.from({ length: 40 }, (_, n) => enroll(n));
    await pause(MOMENT / 2);
    await trial.endedNow('ann');
    const listed = new Set(await walk(trial, 'ann', 100));
    const keys = (await Promise.all(enrolling)).filter((key) => key !== undefined);
    const missing = keys.filter((key) => !listed.has(key));
    const why = 'what is enrolled after `endedNow`, by a request that began before it, outlives "log out everywhere"';
    expectJson('the members that `members` does not list right after `endedNow`', missing, [], why);
  },
};

export const indexCases: Cases = casesOfAbilities(['enroll', 'members', 'dismiss', 'endedNow'], cases);

async function enrolled(trial: Trial, index: string, key: string, ttl = HOUR, elapsed = 0, why = EARLY): Promise<void> {
  const got = await trial.enroll(index, key, ttl, elapsed);
  expectThat(typeof got === 'number', '`enroll` to return a number', got, why);
}

async function expectRefusal(trial: Trial, index: string, key: string, elapsed: number, why = LATE): Promise<void> {
  const got = await trial.enroll(index, key, HOUR, elapsed);
  expectThat(got === false, '`enroll` to return false', got, why);
}

async function member(trial: Trial, index: string, key: string): Promise<IndexMember> {
  const found = (await trial.members(index)).find((each) => each.key === key);
  return found ?? fail(`Expected \`members\` to list \`${key}\`, which it does not: ${LISTED}`);
}

async function keysOf(trial: Trial, index: string): Promise<string[]> {
  return (await trial.members(index)).map(({ key }) => key);
}

async function expectMembers(trial: Trial, index: string, keys: readonly string[], why: string): Promise<void> {
  expectJson('the listed members', await keysOf(trial, index), keys, why);
}

/** In any order. */
function expectSame(found: readonly string[], keys: readonly string[], why: string): void {
  expectJson('the listed members', [...found].sort(), [...keys].sort(), why);
}

function isAbout(got: number, expected: number): boolean {
  return Math.abs(got - expected) <= EXACT;
}

/** The keys on all pages. `between` runs with the last member of each page. */
async function walk(
  trial: Trial,
  index: string,
  limit: number,
  between?: (last: IndexMember) => Promise<void>,
): Promise<string[]> {
  const keys: string[] = [];
  let last: IndexMember | undefined;
  // A client that always returns the first page would never end.
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await trial.members(index, limit, last);
    expectThat(page.length <= limit, `a page of up to ${limit} members`, page.length, 'the limit bounds each answer');
    keys.push(...page.map(({ key }) => key));
    last = page.at(-1);
    if (!last || page.length < limit) return keys;
    await between?.(last);
  }
  return fail('Expected the pages of `members` to end, got 100 of them: `after` must lead to the next page');
}

async function untilEnded(trial: Trial, index: string, key: string): Promise<void> {
  const giveUp = performance.now() + ENDS_WITHIN;
  for (;;) {
    const asked = performance.now();
    if (!(await keysOf(trial, index)).includes(key)) return;
    if (asked > giveUp) {
      fail(
        `Expected a member with a ttl of ${MOMENT} ms to be gone, but it was listed ${ENDS_WITHIN} ms later: ${PAST}`,
      );
    }
    await pause(5);
  }
}
