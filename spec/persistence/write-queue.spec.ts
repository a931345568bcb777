import { Budget } from '../../lib/client/budget';
import { WriteQueues, type Writer } from '../../lib/persistence/write-queue';
import { eitherClient, siteWithMember } from '../helpers/races/meanwhile';
import { sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import type { OpenClient } from '../helpers/stores/open-clients';
import { fakeClock, settled } from '../helpers/time/fake-clock';
import { gate } from '../helpers/time/gate';
import { standStill } from '../helpers/time/stand-still';

const shortly = { timeout: 200, reconnectTimeout: 200 };
const never = () => new Promise<never>(() => undefined);

/** Lets no write of the client be answered any more. */
function hang(client: OpenClient): void {
  if (client instanceof MapClient) client.set = never;
  else Object.assign(client, { swap: never, create: never });
}

describe.each(eitherClient)('writers of a session in %s', (_what, make) => {
  it('do not blame the store for an update that takes too long, and continue without it', async () => {
    const { site, ann, see } = await siteWithMember({ store: make(), ...shortly }, () => ({
      '/update': (ctx) => ctx.sessionHandler.update(never),
    }));
    expect((await ann.get('/update')).status).toBe(500);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_STORE_TIMEOUT', operation: 'set' }]);
    expect(site.errors[0]?.message).not.toContain('session store gave no answer');
    expect((await ann.get('/put?a=1')).status).toBe(200);
    expect(await see()).toEqual({ user: 'ann', a: '1' });
  });

  it('leave nothing behind of an update that ends after its request has run out of time', async () => {
    const { ann, see } = await siteWithMember({ store: make(), ...shortly }, () => ({
      '/update': (ctx) =>
        ctx.sessionHandler.update(async (session) => {
          await new Promise((resolve) => setImmediate(resolve));
          standStill(shortly.timeout + 50);
          session['user'] = 'bob';
        }),
    }));
    expect((await ann.get('/update')).status).toBe(500);
    expect(await see()).toEqual({ user: 'ann' });
  });

  it('leave nothing behind if one in their batch uses up all of their time', async () => {
    const [started, plainAsked, lastAsked, done] = [gate(), gate(), gate(), gate()];
    const { ann, see } = await siteWithMember({ store: make(), ...shortly }, () => ({
      '/first': (ctx) =>
        ctx.sessionHandler.update(() => {
          started.open();
          return done.opened;
        }),
      '/plain': async (ctx) => {
        Object.assign(await sessionOf(ctx), { plain: 1 });
        const saved = ctx.saveSession();
        plainAsked.open();
        return saved.finally(() => {
          ctx.sessionSave = false;
        });
      },
      '/last': (ctx) => {
        const updated = ctx.sessionHandler.update((session) => {
          jest.advanceTimersByTime(shortly.timeout + 50);
          session['last'] = 1;
        });
        lastAsked.open();
        return updated;
      },
    }));
    fakeClock();
    try {
      const first = ann.get('/first');
      await started.opened;
      const others = [ann.get('/plain'), ann.get('/last')];
      await Promise.all([plainAsked.opened, lastAsked.opened]);
      await settled();
      done.open();
      const replies = await Promise.all([first, ...others]);
      expect(replies.map(({ status }) => status)).toEqual([200, 500, 500]);
    } finally {
      jest.useRealTimers();
    }
    expect(await see()).toEqual({ user: 'ann' });
  });

  it('report that they had no time left, not that the store took too long', async () => {
    const client = make();
    const { site, ann } = await siteWithMember({ store: client, ...shortly }, () => ({
      '/saves': async (ctx) => {
        const session = await sessionOf(ctx);
        hang(client);
        const messages: string[] = [];
        for (const name of ['a', 'b', 'c']) {
          session[name] = 1;
          await ctx.saveSession().catch((error: Error) => messages.push(error.message));
        }
        ctx.sessionSave = false;
        return messages;
      },
    }));
    const messages = (await ann.get('/saves')).json<string[]>();
    expect(messages[0]).toMatch(/^session store gave no answer to "set" within (1\d\d|200) ms$/);
    // Timers are a millisecond early at times, so only the last one surely comes too late.
    expect(messages[2]).toBe('the request had no time left to wait for the session store to "set"');
    expect(site.errors).toEqual([]);
  });
});

describe.each([
  ['that can compare', true],
  ['that cannot', false],
])('a writer in a client %s', (_what, compares) => {
  it.each(Array.from({ length: 20 }, (_, ticks) => ticks))(
    'that comes %d ticks after the last answer is stored',
    async (ticks) => {
      const queues = new WriteQueues();
      let stored = '';
      let answers = 0;
      let last: Promise<unknown> | undefined;
      const come = async () => {
        for (let tick = 0; tick < ticks; tick += 1) await undefined;
        last = add('c');
      };
      const writer = {
        caller: { isReady: true, late: () => new Error('late') },
        compares,
        replace: async (record: string) => {
          stored = record;
          answers += 1;
          if (answers === 1) void come();
          return { landed: { record, revision: undefined } };
        },
      } as unknown as Writer;
      const add = (letter: string) =>
        queues.add(
          'key',
          (text) => text + letter,
          undefined,
          { record: stored, revision: undefined },
          new Budget(300),
          writer,
        );
      await Promise.all([add('a'), add('b')]);
      await new Promise((resolve) => setImmediate(resolve));
      await last;
      expect(stored).toContain('c');
    },
  );
});
