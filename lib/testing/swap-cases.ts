import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat } from './expectations';
import {
  created,
  expectGone,
  expectRefused,
  expectStored,
  LATE,
  loaded,
  manyTexts,
  OVERWRITE,
  RETRY,
  swapped,
} from './record-steps';
import { expectLeft } from './time-cases';
import { HOUR, MINUTE, MOMENT } from './trial';

/** Markers of regenerated sessions as the middleware writes them: their white space differs. */
const MARKS = ['null  \t \t\t', 'null \t\t \t '] as const;

/** The cases for clients with `swap`. */
export const swapCases: Cases = {
  'swaps the expected revision, and then the one that it returned': async (trial) => {
    const first = await swapped(trial, 'sid', '{"a":2}', await created(trial, 'sid', '{"a":1}'));
    await expectStored(trial, 'sid', '{"a":2}', 'the swap has succeeded');
    await swapped(trial, 'sid', '{"a":3}', first, { source: 'the revision that `swap` returned' });
    await expectStored(trial, 'sid', '{"a":3}', 'the swap has succeeded');
  },

  'swaps a loaded revision': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    const { revision } = await loaded(trial, 'sid');
    await swapped(trial, 'sid', '{"a":2}', revision, { source: 'the revision that `load` returned' });
    const withTtl = await trial.load('sid', { ttl: true });
    const source = 'the revision that `load` with `{ ttl: true }` returned';
    await swapped(trial, 'sid', '{"a":3}', withTtl?.revision, { source });
    await expectStored(trial, 'sid', '{"a":3}', 'the swap has succeeded');
  },

  'swaps no other revision, and returns the stored record': async (trial) => {
    const old = await created(trial, 'sid', '{"a":1}');
    await swapped(trial, 'sid', '{"a":2}', old);
    const revision = expectRefused(await trial.swap('sid', '{"a":3}', old), '{"a":2}', OVERWRITE);
    await expectStored(trial, 'sid', '{"a":2}', OVERWRITE);
    await swapped(trial, 'sid', '{"a":3}', revision, { source: 'the revision that a refused swap returned' });
    await expectStored(trial, 'sid', '{"a":3}', 'the swap has succeeded');
  },

  'does not swap a revision that `set` has replaced': async (trial) => {
    const old = await created(trial, 'sid', '{"a":1}');
    await trial.set('sid', session({ a: 2 }));
    const got = await trial.swap('sid', '{"a":3}', old);
    expectThat(!got.ok, 'a swap to be refused after `set`', got, OVERWRITE);
    expectJson('the session after the refused swap', await trial.get('sid'), session({ a: 2 }), OVERWRITE);
  },

  'accepts its own text when a swap is repeated': async (trial) => {
    const old = await created(trial, 'sid', '{"a":1}');
    await swapped(trial, 'sid', '{"a":2}', old);
    const again = await trial.swap('sid', '{"a":2}', old);
    expectThat(again.ok, 'a swap to the stored text to count as done', again, RETRY);
    const source = 'the revision that `swap` returned for its own text';
    await swapped(trial, 'sid', '{"a":3}', again.ok && again.revision, { source });
  },

  'lets only one of many swaps succeed': async (trial) => {
    const revision = await created(trial, 'sid', '{"a":"first"}');
    const texts = manyTexts();
    const answers = await Promise.all(texts.map((text) => trial.swap('sid', text, revision)));
    const winners = texts.filter((_text, n) => answers[n]?.ok);
    expectThat(winners.length === 1, 'only one of 20 parallel swaps to succeed', winners.length, OVERWRITE);
    await expectStored(trial, 'sid', winners[0], 'it is the text of the one that succeeded');
  },

  'does not swap a missing or destroyed record': async (trial) => {
    expectGone(await trial.swap('missing', '{"a":2}', await created(trial, 'sid', '{"a":1}')));
    expectNothing('a record that was never stored', await trial.load('missing'), LATE);
    const { revision } = await loaded(trial, 'sid');
    await trial.destroy('sid');
    expectGone(await trial.swap('sid', '{"a":2}', revision));
    expectNothing('a destroyed record', await trial.load('sid'), LATE);
  },

  'does not swap an expired record': async (trial) => {
    const revision = await trial.create('sid', '{"a":1}', 1);
    await trial.outlive(1);
    expectGone(await trial.swap('sid', '{"a":2}', revision));
    expectNothing('an expired record', await trial.load('sid'), LATE);
  },

  'leaves nothing behind when swaps and touches meet a destroy': async (trial) => {
    const sids = Array.from({ length: 10 }, (_, n) => `sid-${n}`);
    const meet = async (sid: string) => {
      const revision = await created(trial, sid, '{"a":1}');
      await Promise.all([trial.swap(sid, '{"a":2}', revision), trial.destroy(sid), trial.touch(sid)]);
      return trial.load(sid);
    };
    for (const found of await Promise.all(sids.map(meet))) expectNothing('a record that was destroyed', found, LATE);
  },

  'distinguishes a record from one created after it under its key': async (trial) => {
    const old = await created(trial, 'sid', '{"a":1}');
    await trial.destroy('sid');
    await created(trial, 'sid', '{"b":1}');
    const why = 'a revision must never be reused: do not restart a counter';
    expectRefused(await trial.swap('sid', '{"a":2}', old), '{"b":1}', why);
  },

  'gives a swapped record its new ttl': async (trial) => {
    const revision = await created(trial, 'sid', '{"a":1}', MINUTE);
    const second = await swapped(trial, 'sid', '{"a":2}', revision);
    await expectLeft(trial, HOUR);
    await swapped(trial, 'sid', '{"a":3}', second, { ttl: MOMENT });
    await trial.untilGone('sid', `swapped with a ttl of ${MOMENT} ms`);
  },

  'swaps a revision that was touched since': async (trial) => {
    const revision = await created(trial, 'sid', '{"a":1}', MINUTE);
    const got = await trial.touch('sid', HOUR);
    expectThat(got === true, '`touch` to return true', got, 'the record is there');
    await expectLeft(trial, HOUR);
    await expectStored(trial, 'sid', '{"a":1}', '`touch` changes only the lifetime');
    await swapped(trial, 'sid', '{"a":2}', revision, { source: 'the revision from before `touch`' });
  },

  'accepts long ttls in `create`, `swap` and `touch`': async (trial) => {
    for (const ttl of [2 ** 31 + 1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const sid = `${ttl}`;
      await swapped(trial, sid, '{"a":2}', await created(trial, sid, '{"a":1}', ttl), { ttl });
      const got = await trial.touch(sid, ttl);
      expectThat(got === true, `\`touch\` with ${ttl} ms to return true`, got, 'the record is there');
      await expectStored(trial, sid, '{"a":2}', 'a ttl is any positive integer up to Number.MAX_SAFE_INTEGER');
    }
  },

  'does not return the marker of a regenerated session as a session': async (trial) => {
    const why = 'a record that begins with `null` marks a regenerated session: `get` must return none';
    for (const mark of ['null', ...MARKS]) {
      await swapped(trial, mark, mark, await created(trial, mark, '{"a":1}'));
      expectNothing('what `get` returns for the marker of a regenerated session', await trial.get(mark), why);
      await expectStored(trial, mark, mark, 'white space distinguishes markers');
    }
  },

  'neither swaps nor extends the marker of a regenerated session': async (trial) => {
    const revision = await created(trial, 'sid', '{"a":1}');
    const [mark, another] = MARKS;
    await swapped(trial, 'sid', mark, revision, { ttl: MINUTE });
    const why = 'only the first of two requests may regenerate a session';
    expectRefused(await trial.swap('sid', '{"a":2}', revision), mark, LATE);
    expectRefused(await trial.swap('sid', another, revision), mark, why);
    const again = await trial.create('sid', '{"a":2}');
    expectThat(again === false, '`create` to return false if there is a marker', again, LATE);
    const got = await trial.touch('sid', HOUR);
    expectThat(got === false, '`touch` to return false for the marker of a regenerated session', got, LATE);
    await expectLeft(trial, MINUTE);
    await expectStored(trial, 'sid', mark, 'the marker keeps its ttl');
  },
};
