import { casesOfAbilities } from './abilities';
import type { Cases } from './cases';
import { expectJson, expectNothing, expectThat, shown } from './expectations';
import {
  created,
  expectGone,
  expectRefused,
  expectStored,
  LATE,
  manyTexts,
  OVERWRITE,
  RETRY,
  swapped,
} from './record-steps';
import { expectLeft } from './time-cases';
import { HOUR, MINUTE, type Trial } from './trial';

/** Markers as the middleware writes them: their white space encodes the successor. */
const [MARKER, ANOTHER] = ['null  \t \t\t', 'null \t\t \t '] as const;

const ENDS = 'an ended session must not be written again';
const STAYS = 'the marker of another request leads to the new session, and must stay';
const ONCE = 'only one of several requests can end a session';
const LAST = 'the answer must contain the last write before the end, and no write may follow';

/** Maximum number of swaps that each writer makes while a record ends. */
const MOST_SWAPS = 20;

/** The cases for clients with `remove`, `take` and `mark`. */
const cases: Cases = {
  'removes a record and returns its text': async (trial) => {
    const record = '{"user":"Zoë 🎈"}';
    await created(trial, 'sid', record);
    await created(trial, 'sid2', record);
    await expectAnswer('remove', record, await trial.remove('sid'), 'the caller must know what it has ended');
    expectNothing('a removed record', await trial.load('sid'), ENDS);
    await expectStored(trial, 'sid2', record, 'it is under another key');
  },

  'removes, takes and marks nothing if there is no record': async (trial) => {
    await trial.create('expired', '{"a":1}', 1);
    await trial.create('expired too', '{"a":1}', 1);
    await trial.create('expired as well', '{"a":1}', 1);
    await trial.outlive(1);
    const of = (what: string) => `the answer of \`${what}\` for a missing or expired record`;
    for (const sid of ['missing', 'expired']) expectNothing(of('remove'), await trial.remove(sid), LATE);
    for (const sid of ['missing', 'expired too']) expectNothing(of('take'), await trial.take(sid, MARKER), LATE);
    for (const sid of ['missing', 'expired as well']) expectNothing(of('mark'), await trial.mark(sid, 3), LATE);
    for (const sid of ['missing', 'expired', 'expired too', 'expired as well']) {
      expectNothing('a missing or expired record', await trial.load(sid), LATE);
    }
  },

  'takes a record, and keeps the marker for its ttl': async (trial) => {
    await created(trial, 'sid', '{"user":"ann"}', HOUR);
    const why = 'the caller must know what it has replaced';
    await expectAnswer('take', '{"user":"ann"}', await trial.take('sid', MARKER, MINUTE), why);
    await expectStored(trial, 'sid', MARKER, '`take` replaces the record with its marker');
    await expectLeft(trial, MINUTE);
    expectNothing('what `get` returns for a marker', await trial.get('sid'), 'a marker is not a session');
  },

  'accepts its own marker when a `take` is repeated': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    await trial.take('sid', MARKER, MINUTE);
    await expectAnswer('take', MARKER, await trial.take('sid', MARKER, HOUR), RETRY);
    await expectStored(trial, 'sid', MARKER, RETRY);
    await expectLeft(trial, HOUR);
  },

  'leaves a marker in place': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    await trial.take('sid', MARKER, MINUTE);
    await expectAnswer('remove', MARKER, await trial.remove('sid'), STAYS);
    await expectAnswer('take', MARKER, await trial.take('sid', ANOTHER, HOUR), STAYS);
    expectNothing('the answer of `mark` for a marker', await trial.mark('sid', 3), STAYS);
    await expectStored(trial, 'sid', MARKER, STAYS);
    await expectLeft(trial, MINUTE);
  },

  'marks a record with spaces, and keeps its ttl': async (trial) => {
    const record = `{"user":"Zoë 🎈","text":"${'é'.repeat(3000)}"}`;
    await created(trial, 'sid', record, HOUR);
    for (const length of [1, 5]) {
      const marked = `${(await trial.load('sid'))?.record}${' '.repeat(length)}`;
      const got = await trial.mark('sid', length);
      const what = `\`mark\` to return the text followed by ${length} spaces`;
      expectThat(got?.record === marked, what, got, 'the caller continues from the marked text');
      await expectStored(trial, 'sid', marked, '`mark` appends spaces to the text');
    }
    await expectLeft(trial, HOUR);
    const why = 'spaces after JSON have no meaning';
    expectJson('a session that was marked', await trial.get('sid'), JSON.parse(record), why);
  },

  'swaps the revision of a marked record, and no earlier one': async (trial) => {
    const old = await created(trial, 'sid', '{"a":1}');
    const marked = await trial.mark('sid', 3);
    expectRefused(await trial.swap('sid', '{"a":2}', old), '{"a":1}   ', 'a mark tells others to stand back');
    await swapped(trial, 'sid', '{"a":3}', marked?.revision, { source: 'the revision that `mark` returned' });
    await expectStored(trial, 'sid', '{"a":3}', 'the swap has succeeded');
    await trial.mark('sid', 2);
    await expectAnswer('remove', '{"a":3}  ', await trial.remove('sid'), 'a marked record ends like any other');
  },

  'returns the text to only one of many removals': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    const answers = await Promise.all(manyTexts().map(() => trial.remove('sid')));
    const texts = answers.filter((answer) => answer !== null && answer !== undefined);
    expectJson('what 20 parallel removals return', texts, ['{"a":1}'], ONCE);
    expectNothing('a removed record', await trial.load('sid'), ENDS);
  },

  'returns the text to only one of many takes': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    const markers = manyTexts().map((_text, n) => `null${' '.repeat(n)}\t`);
    const answers = await Promise.all(markers.map((marker) => trial.take('sid', marker)));
    const winners = markers.filter((_marker, n) => answers[n] === '{"a":1}');
    expectThat(winners.length === 1, 'only one of 20 parallel takes to return the text', winners.length, ONCE);
    await expectStored(trial, 'sid', winners[0], 'it is the marker of the take that returned the text');
    const others = new Set(answers.filter((answer) => answer !== '{"a":1}'));
    expectJson('what the other 19 takes return', [...others], winners, STAYS);
  },

  'removes a record that others are swapping': async (trial) => {
    const meet = async (sid: string) => {
      const { removed, swaps } = await whileSwapped(trial, sid, () => trial.remove(sid));
      expectLast(removed, swaps, 'remove');
      expectNothing('a record that was removed while others swapped it', await trial.load(sid), ENDS);
    };
    await Promise.all(Array.from({ length: 5 }, (_, n) => meet(`sid-${n}`)));
  },

  'takes a record that others are swapping': async (trial) => {
    const meet = async (sid: string) => {
      const { removed, swaps } = await whileSwapped(trial, sid, () => trial.take(sid, MARKER));
      expectLast(removed, swaps, 'take');
      await expectStored(trial, sid, MARKER, ENDS);
    };
    await Promise.all(Array.from({ length: 5 }, (_, n) => meet(`sid-${n}`)));
  },

  'does not swap a removed record': async (trial) => {
    const revision = await created(trial, 'sid', '{"a":1}');
    await trial.remove('sid');
    expectGone(await trial.swap('sid', '{"a":2}', revision));
    const got = await trial.create('sid', '{"b":1}');
    expectThat(got !== false, '`create` to succeed after a removal', got, 'nothing is left of it');
    expectRefused(await trial.swap('sid', '{"a":2}', revision), '{"b":1}', OVERWRITE);
  },
};

export const endingCases: Cases = casesOfAbilities(['remove', 'take', 'mark'], cases);

function expectAnswer(method: string, expected: string, got: unknown, why: string): void {
  expectThat(got === expected, `\`${method}\` to return ${shown(expected)}`, got, why);
}

/**
 * Ends a record that others change without a pause. Returns the answer, and the texts before and after each successful
 * swap.
 */
async function whileSwapped(
  trial: Trial,
  sid: string,
  end: () => Promise<unknown>,
): Promise<{ removed: unknown; swaps: Map<string, string> }> {
  const first = '{"first":true}';
  const revision = await created(trial, sid, first);
  const swaps = new Map<string, string>();
  const write = async (writer: number) => {
    let from = { record: first, revision };
    for (let n = 0; n < MOST_SWAPS; n += 1) {
      const record = `{"writer":${writer},"n":${n}}`;
      const result = await trial.swap(sid, record, from.revision);
      if (result.ok) swaps.set(from.record, record);
      else if (result.gone || result.record.startsWith('null')) return;
      from = result.ok ? { record, revision: result.revision } : result;
    }
  };
  const writing = Promise.all([write(1), write(2), write(3)]);
  const removed = await end();
  await writing;
  return { removed, swaps };
}

function expectLast(text: unknown, swaps: Map<string, string>, method: string): void {
  let last = '{"first":true}';
  for (let next = swaps.get(last); next !== undefined; next = swaps.get(last)) last = next;
  expectThat(text === last, `\`${method}\` to return the last text that was swapped in, ${shown(last)}`, text, LAST);
}
