import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat, shown } from './expectations';
import type { Trial } from './trial';

const COLLATION = 'they belong to different visitors; a column of keys needs a binary collation';

/** Keys that stores may treat as equal, as a pattern or as something special. */
const groups: Readonly<Record<string, { sids: readonly string[]; why: string }>> = {
  'differ in upper and lower case': { sids: ['abc', 'ABC', 'Abc'], why: COLLATION },
  'differ in accents, or are of any script': {
    sids: ['e', 'é', 'e\u0301', 'ß', 'ss', '日本', '日', '🎈', '🎉'],
    why: `${COLLATION}, in UTF-8 of up to four bytes`,
  },
  'differ in spaces': { sids: ['a', 'a ', 'a  ', ' a', 'a\t'], why: COLLATION },
  'hold colons and other signs': {
    sids: [...'*?%_', 'a', 'a:', 'a:b', 'b', 'a.b', 'a_b', 'a%', 'a-b', 'a+b==', '[a]', '{a}b', '{b}a', ...`\\'"`],
    why: 'a key is one text, and neither a pattern nor a part of a command',
  },
  'hold slashes': {
    sids: ['a', 'a/b', 'c/b', 'a//b', 'a/./b', 'a/c/../b', 'b', '../a'],
    why: 'ids of base64 do, and those that a visitor made up; where keys are names of files, encode them',
  },
};

/** The cases about keys, for every client. */
export const keyCases: Cases = {
  ...Object.fromEntries(
    Object.entries(groups).map(([which, { sids, why }]): [string, Cases[string]] => [
      `keeps keys apart that ${which}`,
      (trial) => keepApart(trial, sids, why),
    ]),
  ),

  'keeps keys apart that have 200 characters': (trial) => {
    const long = 'x'.repeat(200 - trial.prefix.length - 1);
    return keepApart(trial, [`${long}a`, `${long}b`, long], 'a key that was cut is the key of another visitor');
  },

  'takes the names of what every object has for keys like any other': async (trial) => {
    const bare = trial.under('');
    const why = 'a visitor may send such an id: keep sessions in a Map, not in an object';
    for (const sid of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expectNothing(`what \`get\` gives of the key ${sid}`, await bare.get(sid), why);
      await bare.set(sid, session({ sid }));
      expectJson(`the session under the key ${sid}`, await bare.get(sid), session({ sid }), why);
      expectThat(!('sid' in {}), 'other objects to stay as they are', '`sid` in each', why);
      await bare.destroy(sid);
      expectNothing(`what \`get\` gives of the key ${sid} once destroyed`, await bare.get(sid), why);
    }
  },
};

async function keepApart(trial: Trial, sids: readonly string[], why: string): Promise<void> {
  for (const sid of sids) {
    expectNothing(`what is stored under ${shown(sid)}, a new key,`, await trial.get(sid), why);
    await trial.set(sid, session({ sid }));
  }
  for (const sid of sids) {
    const got = (await trial.get(sid))?.['sid'];
    expectJson(`what is stored under ${shown(sid)}`, got, sid, why);
    await trial.destroy(sid);
  }
}
