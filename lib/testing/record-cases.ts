import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat, isSameJson } from './expectations';
import { created, expectStored, LATE, loaded, manyTexts, OVERWRITE, RETRY, swapped } from './record-steps';
import { expectLeft } from './time-cases';
import { HOUR, MINUTE, MOMENT } from './trial';

/** The cases for clients with `load` and `create`. */
export const recordCases: Cases = {
  'loads nothing for a missing key': async (trial) => {
    const why = 'a made-up id must not open a session';
    expectNothing('what `load` returns for a missing key', await trial.load('missing'), why);
    const found = await trial.load('missing', { ttl: true });
    expectNothing('what `load` with `{ ttl: true }` returns for a missing key', found, why);
  },

  'loads exactly the text that was created': async (trial) => {
    const records = [
      '{"list":[],"big":9007199254740991,"name":"Zoë 🎈","cookie":{}}',
      '{"b" : 1,\n\t"a":1.0, "a":2}  ',
      `{"text":"${'ab"é\\ '.replaceAll(/["\\]/g, '\\$&').repeat(20_000)}"}`,
    ];
    for (const [n, record] of records.entries()) {
      await created(trial, `sid-${n}`, record);
      await expectStored(trial, `sid-${n}`, record, 'a record is text, and must come back unchanged');
    }
  },

  'gets a record that was created as text': async (trial) => {
    await created(trial, 'sid', '{"user":"ann","cookie":{}}');
    const why = '`get` and `load` read the same record';
    expectJson('what `get` returns for a created record', await trial.get('sid'), { user: 'ann', cookie: {} }, why);
  },

  'loads the text of a session that was set, and swaps it': async (trial) => {
    await trial.set('sid', session({ user: 'ann' }));
    const found = await loaded(trial, 'sid');
    const why = '`set` and `load` use the same record, which is JSON';
    expectThat(
      isSameJson(parsed(found.record), session({ user: 'ann' })),
      '`load` to return the JSON text of the session',
      found.record,
      why,
    );
    await swapped(trial, 'sid', '{"user":"eve"}', found.revision);
    expectJson('the session after the swap', await trial.get('sid'), { user: 'eve' }, why);
  },

  'reports the remaining lifetime of a record': async (trial) => {
    await created(trial, 'sid', '{}', HOUR);
    const ttl: unknown = (await trial.load('sid', { ttl: true }))?.ttl;
    const holds = typeof ttl === 'number' && ttl > HOUR - MINUTE && ttl <= HOUR + 1000;
    const why = 'the option `renew` depends on it';
    expectThat(holds, `\`load\` with \`{ ttl: true }\` to return a \`ttl\` of ${HOUR} ms`, ttl, why);
    await expectLeft(trial, HOUR);
  },

  'does not create a record over another one': async (trial) => {
    await created(trial, 'sid', '{"first":true}');
    const got = await trial.create('sid', '{"second":true}');
    expectThat(got === false, '`create` to return false if there is another record', got, OVERWRITE);
    await expectStored(trial, 'sid', '{"first":true}', OVERWRITE);
  },

  'accepts its own text when a creation is repeated': async (trial) => {
    await created(trial, 'sid', '{"a":1}');
    const again = await trial.create('sid', '{"a":1}');
    expectThat(again !== false, '`create` of the stored text to return its revision', again, RETRY);
    await swapped(trial, 'sid', '{"a":2}', again, { source: 'the revision that `create` returned for its own text' });
  },

  'lets only one of many creations succeed': async (trial) => {
    const texts = manyTexts();
    const answers = await Promise.all(texts.map((text) => trial.create('sid', text)));
    const winners = texts.filter((_text, n) => answers[n] !== false);
    expectThat(winners.length === 1, 'only one of 20 parallel creations to succeed', winners.length, OVERWRITE);
    await expectStored(trial, 'sid', winners[0], 'it is the text of the one that succeeded');
  },

  'creates a record that lives for its ttl': async (trial) => {
    await trial.create('one', '{}', 1);
    await trial.create('other', '{}', MOMENT);
    await trial.untilGone('one', 'created with a ttl of 1 ms');
    await trial.untilGone('other', `created with a ttl of ${MOMENT} ms`);
  },

  'creates a record in place of an expired one': async (trial) => {
    await trial.create('sid', '{"old":true}', 1);
    await trial.outlive(1);
    const revision = await trial.create('sid', '{"new":true}');
    expectThat(
      revision !== false,
      '`create` to succeed after a record has expired',
      revision,
      'an expired record no longer counts',
    );
    await expectStored(trial, 'sid', '{"new":true}', 'it was just created');
    await expectLeft(trial, HOUR);
  },

  'neither loads nor touches an expired record': async (trial) => {
    await trial.create('sid', '{"a":1}', 1);
    await trial.create('other', '{"a":1}', 1);
    await trial.outlive(1);
    const got = await trial.touch('sid');
    expectThat(got === false, '`touch` to return false for an expired record', got, LATE);
    expectNothing('what `load` returns for an expired record', await trial.load('sid'), LATE);
    expectNothing('what `load` returns for an expired record', await trial.load('other', { ttl: true }), LATE);
  },
};

function parsed(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return undefined;
  }
}
