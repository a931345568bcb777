import { casesIfAble } from './abilities';
import { type Cases, session } from './cases';
import { expectThat, fail, shown } from './expectations';
import { MOMENT, type Trial } from './trial';

const MISSED = 'a walk must not miss a record, or its session survives "log out everywhere"';
const FOREIGN = 'a prefix is plain text, and other records may belong to another application';

/** Most calls of a walk: a test has few records, but they may be among those of others. */
const MOST_CALLS = 100_000;
const MANY = 40;

/** The cases for clients with `keys`. */
export const walkCases: Cases = {
  ...casesIfAble(['keys'], {
    'lists the keys that start with a prefix, and no others': async (trial) => {
      const prefixes = ['', 'a', 'A', 'a*', 'a?', '[a]', 'a%', 'a_', 'a\\', 'a{b}', 'é', '🎈'];
      const trials = prefixes.map((more) => trial.under(`${trial.prefix}of${more}:`));
      await Promise.all(trials.map((each) => keep(each, ['1', 'é'])));
      for (const each of trials) await expectKeys(each, ['1', 'é'], FOREIGN);
      await expectKeys(trial.under(`${trial.prefix}none:`), [], 'there is nothing with this prefix');
    },

    'lists every key in pages, and goes on from the same cursor twice': async (trial) => {
      const sids = many('sid');
      await keep(trial, sids);
      await expectKeys(trial, sids, MISSED);
      const first = await trial.keys();
      const { cursor } = first;
      if (cursor === undefined) return;
      expectThat(typeof cursor === 'string', '`cursor` to be a text', cursor, 'another process may go on from it');
      for (const _time of [1, 2]) {
        const found = [...first.keys, ...(await walk(trial, cursor))];
        const missing = sids.filter((sid) => !found.includes(sid));
        const why = 'a walk that was aborted goes on from its last cursor';
        expectThat(missing.length === 0, 'all other keys from a cursor on', `all but ${missing}`, why);
      }
    },

    'lists every key that stays while others come and go': async (trial) => {
      const [stay, go] = [many('stay'), many('go')];
      await keep(trial, [...stay, ...go].sort());
      let turn = 0;
      const found = await walk(trial, undefined, async () => {
        await Promise.all([4, 3, 2, 1].map((n) => trial.destroy(go[4 * turn + n - 1] ?? `none-${n}`)));
        await keep(trial, [`came-${turn}`]);
        turn += 1;
      });
      const missing = stay.filter((sid) => !found.includes(sid));
      expectThat(missing.length === 0, 'every key that stayed', `all but ${missing}`, MISSED);
    },

    'lists no key that was destroyed or has expired': async (trial) => {
      await keep(trial, ['stays', 'destroyed']);
      await trial.set('expired', session(), MOMENT);
      await trial.outlive(MOMENT);
      await trial.destroy('destroyed');
      // Adapters cannot tell, and what has expired is not read.
      const gone = trial.has('load') ? ['destroyed', 'expired'] : ['destroyed'];
      const found = (await walk(trial)).filter((sid) => gone.includes(sid));
      expectThat(found.length === 0, 'no other keys than those of records', found, 'there is nothing to read');
    },
  }),

  ...casesIfAble(['keys', 'enroll'], {
    'lists no keys of indexes': async (trial) => {
      await trial.enroll('ann', 'sid');
      await keep(trial, ['sid']);
      await expectKeys(trial, ['sid'], 'the name of an index is not the key of a record');
    },
  }),
};

function many(name: string): string[] {
  return Array.from({ length: MANY }, (_, n) => `${name}-${n}`);
}

async function keep(trial: Trial, sids: readonly string[]): Promise<void> {
  await Promise.all(sids.map((sid) => trial.set(sid, session({ sid }))));
}

/** The keys from a cursor on. */
async function walk(
  trial: Trial,
  from?: string,
  between: () => Promise<void> = async () => undefined,
): Promise<string[]> {
  const all: string[] = [];
  let cursor = from;
  for (let calls = 0; calls < MOST_CALLS; calls += 1) {
    const found = await trial.keys(cursor);
    all.push(...found.keys);
    if (found.cursor === undefined || found.cursor === null) return all;
    cursor = found.cursor;
    await between();
  }
  return fail(
    `Expected the walk to end after fewer than ${MOST_CALLS} calls, got the cursor ${shown(cursor)}: it ends with no cursor`,
  );
}

async function expectKeys(trial: Trial, sids: readonly string[], why: string): Promise<void> {
  const found = [...new Set(await walk(trial))].sort();
  const expected = [...sids].sort();
  expectThat(found.join('\n') === expected.join('\n'), `the keys ${shown(expected)}`, found, why);
}
