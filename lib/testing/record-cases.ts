import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat, isSameJson } from './expectations';
import { created, expectStored, LATE, loaded, manyTexts, OVERWRITE, RETRY, swapped } from './record-steps';
import { expectLeft } from './time-cases';
import { HOUR, MINUTE, MOMENT } from './trial';

/** The cases for clients with `load` and `create`. */
export const recordCases: Cases = {
  'loads nothing for what is missing': async (trial) => {
    const why = 'an id that is made up must not open a session';
    expectNothing('what `load` gives of a missing key', await trial.load('missing'), why);
    const found = await trial.load('missing', { ttl: true });
    expectNothing('what `load` with `{ ttl: true }` gives of a missing key', found, why);
  },

  'loads the very text that was created': async (trial) => {
    const records = [
      '{"list":[],"big":9007199254740991,"name":"Zoë 🎈","cookie":{}}',
      '{"b" : 1,\n\t"a":1.0, "a":2}  ',
      `{"text":"${'ab"é\\ '.replaceAll(/["\\]/g, '\\$&').repeat(20_000)}"}`,
    ];
    for (const [n, record] of records.entries()) {
      await created(trial, `sid-${n}`, record);
      await expectStored(trial, `sid-${n}`, record, 'a record is text, and must come back as it was');
    }
  },

  'gets as a session what was created as text': async (trial) => {
    await created(trial, 'sid', '{"user":"ann","cookie":{}}');
    const why = '`get` and `load` read the same record';
    expectJson('what `get` gives of a created record', await trial.get('sid'), { user: 'ann', cookie: {} }, why);
  },

  'loads as text what was set as a session, and swaps it': async (trial) => {
    await trial.set('sid', session({ user: 'ann' }));
    const found = await loaded(trial, 'sid');
    const why = '`set` and `load` are about the same record, JSON';
    expectThat(
      isSameJson(parsed(found.record), session({ user: 'ann' })),
      '`load` to give the JSON text of the session',
      found.record,
      why,
    );
    await swapped(trial, 'sid', '{"user":"eve"}', found.revision);
    expectJson('the session after the swap', await trial.get('sid'), { user: 'eve' }, why);
  },

  'tells how long a record has left': async (trial) => {
    await created(trial, 'sid', '{}', HOUR);
    const ttl: unknown = (await trial.load('sid', { ttl: true }))?.ttl;
    const holds = typeof ttl === 'number' && ttl > HOUR - MINUTE && ttl <= HOUR + 1000;
    const why = 'the option `renew` extends sessions by it';
    expectThat(holds, `\`load\` with \`{ ttl: true }\` to give a \`ttl\` of ${HOUR} ms`, ttl, why);
    await expectLeft(trial, HOUR);
  },

  'creates no record where another one is': async (trial) => {
    await created(trial, 'sid', '{"first":true}');
    const got = await trial.create('sid', '{"second":true}');
    expectThat(got === false, '`create` to answer false where another record is', got, OVERWRITE);
    await expectStored(trial, 'sid', '{"first":true}', OVERWRITE);
  },

  'takes its own text for a creation whose reply was lost': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    const again = await trial.create('sid', '{"a":1}');
    expectThat(again !== false, '`create` of the text that is there to give its revision', again, RETRY);
    await swapped(trial, 'sid', '{"a":2}', again, { source: 'the revision that `create` gave of its own text' });
  },

  'lets one of many creations through': async (trial) => {
    const texts = manyTexts();
    const answers = await Promise.all(texts.map((text) => trial.create('sid', text)));
    const winners = texts.filter((_text, n) => answers[n] !== false);
    expectThat(winners.length === 1, 'one of 20 creations at once to succeed', winners.length, OVERWRITE);
    await expectStored(trial, 'sid', winners[0], 'it is what the one that succeeded wrote');
  },

  'creates a record for as long as it says': async (trial) => {
    await trial.create('one', '{}', 1);
    await trial.create('other', '{}', MOMENT);
    await trial.untilGone('one', 'created with a ttl of 1 ms');
    await trial.untilGone('other', `created with a ttl of ${MOMENT} ms`);
  },

  'creates a record where one has expired': async (trial) => {
    await trial.create('sid', '{"old":true}', 1);
    await trial.outlive(1);
    const revision = await trial.create('sid', '{"new":true}');
    expectThat(
      revision !== false,
      '`create` to succeed where a record has expired',
      revision,
      'it is no record any more',
    );
    await expectStored(trial, 'sid', '{"new":true}', 'it was just created');
    await expectLeft(trial, HOUR);
  },

  'loads and touches nothing whose time is over': async (trial) => {
    await trial.create('sid', '{"a":1}', 1);
    await trial.create('other', '{"a":1}', 1);
    await trial.outlive(1);
    const got = await trial.touch('sid');
    expectThat(got === false, '`touch` to answer false for an expired record', got, LATE);
    expectNothing('what `load` gives of an expired record', await trial.load('sid'), LATE);
    expectNothing('what `load` gives of an expired record', await trial.load('other', { ttl: true }), LATE);
  },
};

function parsed(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return undefined;
  }
}
