import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat, shown } from './expectations';
import type { Trial } from './trial';

const COLLATION = 'they belong to different visitors; a column for keys needs a binary collation';

/** Keys that stores may treat as equal, as a pattern or as something special. */
const groups: Readonly<Record<string, { sids: readonly string[]; why: string }>> = {
  'differ in upper and lower case': { sids: ['abc', 'ABC', 'Abc'], why: COLLATION },
  'differ in accents, or use any script': {
    sids: ['e', 'é', 'e\u0301', 'ß', 'ss', '日本', '日', '🎈', '🎉'],
    why: `${COLLATION}, in UTF-8 of up to four bytes`,
  },
  'differ in spaces': { sids: ['a', 'a ', 'a  ', ' a', 'a\t'], why: COLLATION },
  'contain colons and other punctuation': {
    sids: [...'*?%_', 'a', 'a:', 'a:b', 'b', 'a.b', 'a_b', 'a%', 'a-b', 'a+b==', '[a]', '{a}b', '{b}a', ...`\\'"`],
    why: 'a key is plain text, neither a pattern nor part of a command',
  },
  'contain slashes': {
    sids: ['a', 'a/b', 'c/b', 'a//b', 'a/./b', 'a/c/../b', 'b', '../a'],
    why: 'base64 ids contain them, and so may ids that visitors make up; if keys become file names, encode them',
  },
};

/** The cases about keys, for every client. */
export const keyCases: Cases = {
  ...Object.fromEntries(
    Object.entries(groups).map(([which, { sids, why }]): [string, Cases[string]] => [
      `distinguishes keys that ${which}`,
      (trial) => keepApart(trial, sids, why),
    ]),
  ),

  'distinguishes keys of 200 characters': (trial) => {
    const long = 'x'.repeat(200 - trial.prefix.length - 1);
    return keepApart(trial, [`${long}a`, `${long}b`, long], 'a truncated key may belong to another visitor');
  },

  'treats names such as __proto__ like any other key': async (trial) => {
    const bare = trial.under('');
    const why = 'a visitor may send such an id: keep sessions in a Map, not in an object';
    for (const sid of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expectNothing(`what \`get\` returns for the key ${sid}`, await bare.get(sid), why);
      await bare.set(sid, session({ sid }));
      expectJson(`the session under the key ${sid}`, await bare.get(sid), session({ sid }), why);
      expectThat(!('sid' in {}), 'other objects to stay unchanged', '`sid` in each', why);
      await bare.destroy(sid);
      expectNothing(`what \`get\` returns for the key ${sid} once destroyed`, await bare.get(sid), why);
    }
  },
};

async function keepApart(trial: Trial, sids: readonly string[], why: string): Promise<void> {
  for (const sid of sids) {
    expectNothing(`the session under ${shown(sid)}, a new key,`, await trial.get(sid), why);
    await trial.set(sid, session({ sid }));
  }
  for (const sid of sids) {
    const got = (await trial.get(sid))?.['sid'];
    expectJson(`the session under ${shown(sid)}`, got, sid, why);
    await trial.destroy(sid);
  }
}
