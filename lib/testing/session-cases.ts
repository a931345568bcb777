import type { Session } from '../middleware/engine';
import { type Cases, session } from './cases';
import { expectJson, expectNothing, expectThat } from './expectations';
import { HOUR } from './trial';
import { VALUES } from './values';

const TEXTS = {
  accents: 'Zoë',
  'an emoji': '🎈',
  'quotes and backslashes': `"'\`\\`,
  'line breaks': 'a\r\n\tb\u2028c',
  'a zero': 'a\u0000b',
  'half an emoji': '\ud83c',
};

/** The cases for every client: get, set and destroy. */
export const sessionCases: Cases = {
  'returns a stored session': async (trial) => {
    const stored = session({
      user: { name: 'Ann', roles: ['admin', 'editor'] },
      empty: { list: [], object: {}, text: '' },
      list: [1, null, 'a:b', [true, false]],
      none: null,
      numbers: [0, -1, 0.1, 1e21, 9007199254740991],
      'a key ': 1,
      'a.b': 2,
      $set: 3,
    });
    await trial.set('sid', stored);
    const why =
      'a session is any JSON object; a store with callbacks needs `fromExpressStore` of koa-evented-session/express';
    expectJson('what `get` returns for a stored session', await trial.get('sid'), stored, why);
  },

  'returns the cookie unchanged': async (trial) => {
    const expires = new Date(Date.now() + HOUR).toISOString();
    const cookie = { path: '/shop', httpOnly: false, sameSite: 'strict' as const, expires, own: ['path'] };
    await trial.set('sid', { cookie, user: 'ann' });
    const why = 'attributes that a handler sets stay with the session';
    expectJson('what `get` returns', await trial.get('sid'), { cookie, user: 'ann' }, why);
  },

  'returns any text': async (trial) => {
    const giveBack = async ([what, text]: [string, string]) => {
      await trial.set(what, session({ text }));
      const got = (await trial.get(what))?.['text'];
      expectJson(`a session's text with ${what}`, got, text, 'sessions contain what visitors type');
    };
    await Promise.all(Object.entries(TEXTS).map(giveBack));
  },

  'keeps of any value what JSON keeps': async (trial) => {
    const giveBack = async ([what, make]: [string, () => unknown]) => {
      const stored = session({ value: make() });
      await trial.set(what, stored);
      const why = 'sessions are JSON: write them with `JSON.stringify`, and read them with `JSON.parse`';
      expectJson(`a session with ${what}`, await trial.get(what), stored, why);
    };
    await Promise.all(Object.entries(VALUES).map(giveBack));
  },

  'returns a session of 100 kB': async (trial) => {
    const text = 'ab"é '.repeat(20_000);
    await trial.set('sid', session({ text }));
    const got = (await trial.get('sid'))?.['text'];
    const length = typeof got === 'string' ? got.length : got;
    expectThat(got === text, `a text of ${text.length} characters back`, length, 'a truncated session is lost');
  },

  'replaces a stored session': async (trial) => {
    await trial.set('sid', session({ views: 1, old: true }));
    await trial.set('sid', session({ views: 2 }));
    const why = '`set` replaces the whole session and merges nothing';
    expectJson('the session that was stored last', await trial.get('sid'), session({ views: 2 }), why);
  },

  'returns null or undefined for a missing session': async (trial) => {
    const found = await trial.get('missing');
    expectNothing('a session that was never stored', found, 'a made-up id must not open a session');
  },

  'destroys only the given session': async (trial) => {
    await trial.set('one', session({ name: 'one' }));
    await trial.set('one-more', session({ name: 'one-more' }));
    await trial.destroy('one');
    expectNothing('a destroyed session', await trial.get('one'), 'a visitor who logged out would still be logged in');
    const other = await trial.get('one-more');
    expectJson('the other session', other, session({ name: 'one-more' }), '`destroy` removes only one session');
  },

  'destroys a missing session without an error': async (trial) => {
    await trial.destroy('missing');
    await trial.set('sid', session());
    await trial.destroy('sid');
    await trial.destroy('sid');
  },

  'stores a destroyed session again': async (trial) => {
    await trial.set('sid', session({ round: 1 }));
    await trial.destroy('sid');
    await trial.set('sid', session({ round: 2 }));
    const why = '`destroy` leaves nothing behind';
    expectJson('the new session', await trial.get('sid'), session({ round: 2 }), why);
  },

  'keeps a stored session when the object changes': async (trial) => {
    const stored = session({ user: 'ann', cart: ['tea'] });
    const asStored = JSON.parse(JSON.stringify(stored)) as Session;
    const why = 'unsaved changes must not be stored: keep JSON text, or copies, and return copies';
    await trial.set('sid', stored);
    change(stored);
    const got = await trial.get('sid');
    expectJson('the session after the stored object was changed', got, asStored, why);
    change(got as Session);
    expectJson('the session after the object from `get` was changed', await trial.get('sid'), asStored, why);
  },

  'stores many sessions at once': async (trial) => {
    const sids = Array.from({ length: 20 }, (_, n) => `sid-${n}`);
    await Promise.all(sids.map((sid) => trial.set(sid, session({ sid }))));
    const got = await Promise.all(sids.map(async (sid) => (await trial.get(sid))?.['sid']));
    expectJson('20 sessions stored at once', got, sids, 'visitors arrive at the same time');
  },

  'settles `set` and `destroy` only when they are done': async (trial) => {
    for (let round = 1; round <= 3; round += 1) {
      await trial.set('sid', session({ round }));
      const why = 'the next request of the visitor must see what this one has done';
      expectJson('the session right after `set`', await trial.get('sid'), session({ round }), why);
      await trial.destroy('sid');
      expectNothing('the session right after `destroy`', await trial.get('sid'), why);
    }
  },

  'shows no session of another prefix': async (trial) => {
    const other = trial.under(`${trial.prefix}other:`);
    await trial.set('sid', session({ name: 'mine' }));
    const why = 'applications that share a store have separate prefixes, so the whole key counts';
    expectNothing('the session under another prefix', await other.get('sid'), why);
    await other.set('sid', session({ name: 'other' }));
    await other.destroy('sid');
    const mine = await trial.get('sid');
    expectJson('the session, after the one under another prefix was destroyed,', mine, session({ name: 'mine' }), why);
  },
};

function change(session: Session): void {
  session['user'] = 'eve';
  (session['cart'] as string[]).push('poison');
}
