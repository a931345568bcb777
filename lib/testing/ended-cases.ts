import { casesIfAble } from './abilities';
import { type Cases, session } from './cases';
import { expectNothing, expectThat } from './expectations';
import { HOUR, MOMENT, type Trial } from './trial';

const THERE = 'otherwise a session that goes on would count as ended';
const GONE = 'otherwise the end of a session whose message was lost is never noticed';
const REGENERATED = 'it leads to the new id of a session that goes on';
const TOLD = 'each process is told of the end of a session';
const OTHERS = 'another application may use another channel';
const STOPPED = 'it has stopped listening';

/** More keys than a database may take in one statement. */
const MANY = 1200;
/** Texts that a client must not change. */
const TEXTS = ['{"a":1}', 'Zoë 日本 🎈', `it's "quoted" \\ $1 % ?`, 'x'.repeat(500)];

/** The cases for clients with `peek`, and for those with `publish` and `subscribe`. */
export const endedCases: Cases = {
  ...casesIfAble(['peek'], {
    'says of many keys which have a record, in their order': async (trial) => {
      const sids = Array.from({ length: MANY }, (_, n) => `sid-${n}`);
      const kept = sids.filter((_sid, n) => n % 97 === 0);
      await Promise.all(kept.map((sid) => trial.set(sid, session({ sid }))));
      const found = await trial.peek([...sids, 'SID-0', 'sid-0']);
      for (const [n, sid] of [...sids, 'SID-0', 'sid-0'].entries()) {
        if (kept.includes(sid)) expectBeginning(found[n], '', THERE);
        else expectNothing('the beginning of a missing record', found[n], GONE);
      }
      expectThat((await trial.peek([])).length === 0, 'an empty list for no keys', found, 'nothing was asked');
    },

    'shows no record that was destroyed or has expired in `peek`': async (trial) => {
      for (const sid of ['stays', 'destroyed']) await trial.set(sid, session());
      await trial.set('expired', session(), MOMENT);
      await trial.outlive(MOMENT);
      await trial.destroy('destroyed');
      const [stays, destroyed, expired] = await trial.peek(['stays', 'destroyed', 'expired']);
      expectBeginning(stays, '', THERE);
      expectNothing('the beginning of a destroyed record', destroyed, GONE);
      expectNothing('the beginning of an expired record', expired, GONE);
    },
  }),

  ...casesIfAble(['peek', 'create'], {
    'shows in `peek` that a record marks a regenerated session': async (trial) => {
      await trial.create('marker', 'null  \t ', HOUR);
      const [marker] = await trial.peek(['marker']);
      expectBeginning(marker, 'null', REGENERATED);
    },
  }),

  ...casesIfAble(['publish', 'subscribe'], {
    'passes messages unchanged to all who listen to the channel, and to no others': async (trial) => {
      const [one, two, other] = [await listenTo(trial, 'a'), await listenTo(trial, 'a'), await listenTo(trial, 'a2')];
      for (const text of TEXTS) await trial.publish('a', text);
      await trial.publish('a2', 'last');
      for (const { heard } of [one, two]) {
        await trial.until(() => heard.length >= TEXTS.length, 'each message to be passed on', TOLD);
        expectSame(heard, TEXTS, TOLD);
      }
      await trial.until(() => other.heard.length > 0, 'each message to be passed on', TOLD);
      expectSame(other.heard, ['last'], OTHERS);
    },

    'passes no message to those who have stopped listening': async (trial) => {
      const [stopped, other] = [await listenTo(trial, 'a'), await listenTo(trial, 'a')];
      await stopped.stop();
      await trial.publish('a', 'text');
      await trial.until(() => other.heard.length > 0, 'each message to be passed on', TOLD);
      expectSame(stopped.heard, [], STOPPED);
    },
  }),
};

async function listenTo(trial: Trial, channel: string) {
  const heard: string[] = [];
  return { heard, stop: await trial.subscribe(channel, (text) => heard.push(text)) };
}

function expectBeginning(text: unknown, begins: string, why: string): void {
  const isOne = typeof text === 'string' && text.length >= 4;
  const isExpected = isOne && (begins === '' ? !text.startsWith('null') : text.startsWith(begins));
  const what = `four characters or more of ${begins === '' ? 'a session' : `a text that begins with ${begins}`}`;
  expectThat(isExpected, what, text, why);
}

function expectSame(heard: readonly string[], texts: readonly string[], why: string): void {
  const [got, expected] = [[...heard].sort(), [...texts].sort()];
  expectThat(JSON.stringify(got) === JSON.stringify(expected), `exactly ${texts.length} messages`, heard, why);
}
