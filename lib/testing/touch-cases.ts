import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat } from './expectations';
import { expectLeft } from './time-cases';
import { HOUR, MOMENT, type Trial } from './trial';

const MISSING = '`touch` must return false for a missing session, or a visitor who logged out would count as logged in';

/** The cases for clients with `touch`. */
const cases: Cases = {
  'extends a session without changing it': async (trial) => {
    const ttl = await touchedInTime(trial);
    await expectLeft(trial, HOUR);
    await trial.outlive(ttl);
    const why = '`touch` restarts the lifetime of a session, and changes nothing else';
    expectJson('a session that was extended by an hour', await trial.get('sid'), session({ user: 'ann' }), why);
  },

  'shortens the life of a session by touching it': async (trial) => {
    await trial.set('sid', session(), HOUR);
    await expectTouch(trial, 'sid', MOMENT, true, 'the session is there');
    await trial.untilGone('sid', `that was stored for an hour, and touched with a ttl of ${MOMENT} ms,`);
  },

  'does not create a session by touching it': async (trial) => {
    await expectTouch(trial, 'missing', HOUR, false, MISSING);
    expectNothing('a session that was never stored', await trial.get('missing'), '`touch` must not create one');
  },

  'does not restore a destroyed session by touching it': async (trial) => {
    await trial.set('sid', session());
    await trial.destroy('sid');
    await expectTouch(trial, 'sid', HOUR, false, MISSING);
    expectNothing('a destroyed session', await trial.get('sid'), '`touch` must not bring it back');
  },

  'does not restore an expired session by touching it': async (trial) => {
    await trial.set('sid', session(), 1);
    await trial.outlive(1);
    await expectTouch(trial, 'sid', HOUR, false, MISSING);
    expectNothing('an expired session', await trial.get('sid'), '`touch` must not bring it back');
  },
};

/** The touch cases. If the client claims only three methods, they run if it has `touch`. */
export function touchCases(isClaimed: boolean): Cases {
  if (isClaimed) return cases;
  const optional = Object.entries(cases).map(([title, run]): [string, Cases[string]] => [
    `${title}, if it has \`touch\``,
    async (trial) => {
      if (trial.has('touch')) await run(trial);
    },
  ]);
  return Object.fromEntries(optional);
}

async function expectTouch(trial: Trial, sid: string, ttl: number, expected: boolean, why: string): Promise<void> {
  const got = await trial.touch(sid, ttl);
  expectThat(got === expected, `\`touch\` to return ${expected}`, got, why);
}

/** Touches a session just before it expires and returns its ttl. A slow store gets more time. */
async function touchedInTime(trial: Trial): Promise<number> {
  for (let ttl = MOMENT; ; ttl *= 3) {
    const start = performance.now();
    await trial.set('sid', session({ user: 'ann' }), ttl);
    const got = await trial.touch('sid', HOUR);
    if (got === true) return ttl;
    const isLate = performance.now() - start > ttl / 2;
    expectThat(
      isLate,
      '`touch` to return true',
      got,
      'the session is there, and any other answer would mean that it has ended',
    );
  }
}
