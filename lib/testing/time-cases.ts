import { setTimeout as pause } from 'node:timers/promises';
import { type Cases, session } from './cases';
import { expectJson, expectThat } from './expectations';
import { HOUR, MINUTE, MOMENT, type Trial } from './trial';

const LONG_TTLS = [2 ** 31 + 1, 2 ** 32 + 1, 365 * 24 * HOUR];

/** The cases about ttl, for every client. */
export const timeCases: Cases = {
  'keeps a session for its ttl': async (trial) => {
    await trial.set('sid', session(), HOUR);
    await expectLeft(trial, HOUR);
    await pause(MOMENT);
    const why = 'a ttl is in milliseconds';
    expectJson('a session with a ttl of an hour', await trial.get('sid'), session(), why);
  },

  'drops a session at the end of its ttl': async (trial) => {
    const ttls = [1, MOMENT];
    await Promise.all([HOUR, ...ttls].map((ttl) => trial.set(`${ttl}`, session({ ttl }), ttl)));
    await Promise.all(ttls.map((ttl) => trial.untilGone(`${ttl}`, `with a ttl of ${ttl} ms`)));
    const other = await trial.get(`${HOUR}`);
    expectJson('the session with a ttl of an hour', other, session({ ttl: HOUR }), 'each session has its own ttl');
  },

  'accepts long ttls': async (trial) => {
    await Promise.all(LONG_TTLS.map((ttl) => trial.set(`${ttl}`, session({ ttl }), ttl)));
    await pause(MOMENT);
    for (const ttl of LONG_TTLS) {
      const why = 'a timer, 32 bits of milliseconds or 30 days are not enough';
      expectJson(`the session with a ttl of ${ttl} ms`, await trial.get(`${ttl}`), session({ ttl }), why);
    }
  },

  'accepts the longest ttl, Number.MAX_SAFE_INTEGER': async (trial) => {
    await trial.set('sid', session(), Number.MAX_SAFE_INTEGER);
    await pause(MOMENT);
    const why = 'applications use it for "forever": if your storage has a latest date, use that';
    expectJson('the session with the longest ttl', await trial.get('sid'), session(), why);
  },

  'applies the ttl of each `set`': async (trial) => {
    const again = session({ again: true });
    await trial.set('longer', session(), MOMENT);
    await trial.set('longer', again, HOUR);
    await trial.set('shorter', session(), HOUR);
    await trial.set('shorter', again, MOMENT);
    await trial.set('renewed', session(), 1);
    await trial.outlive(MOMENT);
    // A timer in the client may fire late.
    await pause(MOMENT);
    await trial.untilGone('shorter', `that was stored for an hour, and again for ${MOMENT} ms,`);
    await trial.set('renewed', again, HOUR);
    for (const sid of ['longer', 'renewed']) {
      const why = 'the last `set` counts, and an earlier ttl must not end the session';
      expectJson(`the session that was stored again (${sid})`, await trial.get(sid), again, why);
      await expectLeft(trial, HOUR, sid);
    }
  },
};

/** Checks only clients that report the remaining time. Those that count in seconds may report up to one more. */
export async function expectLeft(trial: Trial, ttl: number, sid = 'sid'): Promise<void> {
  const left = await trial.timeLeft(sid);
  if (left === undefined) return;
  const holds = left > ttl - MINUTE && left <= ttl + 1000;
  expectThat(
    holds,
    `a session with a ttl of ${ttl} ms to have that left`,
    left,
    'a ttl is in milliseconds and starts now',
  );
}
