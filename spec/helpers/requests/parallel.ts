import type Koa from 'koa';
import { dataOf, type Routes, sentId, sessionOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { keyOf, member, siteOpener, type Variant } from './variant';

/** Requests of one session that run side by side: what one does while the other one has already read the session. */
export function parallelContract(variant: Variant): void {
  const open = siteOpener(variant);
  type Visitor = Awaited<ReturnType<typeof member>>;

  /** Reads the session, lets the visitor make another request, then sets `late`. */
  function overtaken(by: () => Promise<unknown>, change: (ctx: Koa.Context) => unknown = setLate): Routes {
    return {
      '/late': async (ctx) => {
        await ctx.session;
        await by();
        await change(ctx);
      },
      '/move': (ctx) => ctx.regenerateSession({ keepData: true }),
      '/login-anew': async (ctx) => {
        await ctx.regenerateSession();
        Object.assign(await sessionOf(ctx), { user: 'ann', again: true });
      },
    };
  }
  async function setLate(ctx: Koa.Context): Promise<void> {
    (await sessionOf(ctx))['late'] = true;
  }

  describe('changes of parallel requests', () => {
    it('to different keys are all stored', async () => {
      const site = await open();
      const ann = await member(site);
      await Promise.all(Array.from({ length: 20 }, (_, index) => ann.get(`/put?key${index}=${index}`)));
      const keys = Object.keys((await ann.get('/see')).json<object>());
      expect(keys).toHaveLength(21);
    });

    it('to different keys are stored, even if one removes a key and the other replaces the session', async () => {
      let ann!: Visitor;
      const site = await open(
        {},
        {
          ...overtaken(
            () => ann.get('/replace'),
            async (ctx) => {
              delete (await sessionOf(ctx))['user'];
            },
          ),
          '/replace': (ctx) => {
            ctx.session = { user: 'ann', theme: 'dark' };
          },
        },
      );
      ann = await member(site);
      await ann.get('/late');
      expect((await ann.get('/see')).json()).toEqual({ theme: 'dark' });
    });

    it('to the same key: the last write counts', async () => {
      let ann!: Visitor;
      const site = await open(
        {},
        overtaken(() => ann.get('/put?late=no&other=1')),
      );
      ann = await member(site);
      await ann.get('/late');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', late: true, other: '1' });
    });

    it("to the same key cause an error with onConflict 'throw', and the earlier one stays", async () => {
      let ann!: Visitor;
      const site = await open(
        { onConflict: 'throw' },
        overtaken(() => ann.get('/put?late=no')),
      );
      ann = await member(site);
      expect((await ann.get('/late')).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_CONFLICT' })]);
      expect(site.heard.at(-1)).toMatchObject({ name: 'session:conflict', key: ann.sid });
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', late: 'no' });
    });

    it("to different keys cause none with onConflict 'throw'", async () => {
      let ann!: Visitor;
      const site = await open(
        { onConflict: 'throw' },
        overtaken(() => ann.get('/put?early=1')),
      );
      ann = await member(site);
      expect((await ann.get('/late')).status).toBe(200);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', early: '1', late: true });
    });

    it("to the same value cause an error too with onConflict 'throw': of two requests that count to one, one would be lost", async () => {
      let ann!: Visitor;
      const count = async (ctx: Koa.Context) => {
        (await sessionOf(ctx))['count'] = '1';
      };
      const site = await open(
        { onConflict: 'throw' },
        overtaken(() => ann.get('/put?count=1'), count),
      );
      ann = await member(site);
      expect((await ann.get('/late')).status).toBe(500);
    });

    it('are merged by onConflict as a function', async () => {
      let ann!: Visitor;
      const asked: unknown[] = [];
      const site = await open(
        {
          onConflict: (...args) => {
            asked.push(args);
            return `${args[2]} and ${args[3]}`;
          },
        },
        overtaken(
          () => ann.get('/put?user=cat'),
          async (ctx) => {
            (await sessionOf(ctx))['user'] = 'bob';
          },
        ),
      );
      ann = await member(site);
      await ann.get('/late');
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob and cat' });
      expect(asked).toEqual([['user', 'ann', 'bob', 'cat']]);
    });

    it('never conflict for keys that only beforeSave has set', async () => {
      let ann!: Visitor;
      let stamp = 0;
      const site = await open(
        {
          onConflict: 'throw',
          beforeSave: (_ctx, session) => {
            session['stamp'] = ++stamp;
          },
        },
        overtaken(() => ann.get('/put?early=1')),
      );
      ann = await member(site);
      expect((await ann.get('/late')).status).toBe(200);
      expect((await ann.get('/see')).json()).toMatchObject({ early: '1', late: true, stamp });
    });

    it('are kept by keepData', async () => {
      let ann!: Visitor;
      const site = await open(
        {},
        overtaken(
          () => ann.get('/put?early=1'),
          async (ctx) => {
            (await sessionOf(ctx))['late'] = true;
            await ctx.regenerateSession({ keepData: true });
          },
        ),
      );
      ann = await member(site);
      await ann.get('/late');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', early: '1', late: true });
    });
  });

  describe('a session that another request has ended', () => {
    it.each([
      ['changed', setLate],
      [
        'saved by force',
        (ctx: Koa.Context) => {
          ctx.sessionSave = true;
        },
      ],
      ['touched', (ctx: Koa.Context) => ctx.sessionHandler.touch()],
      ['regenerated', (ctx: Koa.Context) => ctx.regenerateSession()],
      ['regenerated with its data', (ctx: Koa.Context) => ctx.regenerateSession({ keepData: true })],
    ])('stays gone if it is %s late: nothing is stored, no cookie is sent or cleared', async (_how, change) => {
      let ann!: Visitor;
      const site = await open(
        {},
        overtaken(() => ann.get('/logout'), change),
      );
      ann = await member(site);
      const reply = await ann.get('/late');
      expect([reply.status, reply.setCookie]).toEqual([200, []]);
      expect(await recordOf(site.client, keyOf(variant, ann.sid))).toBeUndefined();
      expect(site.client.size).toBe(0);
      expect(site.heard.at(-1)).toMatchObject({ name: 'session:gone', key: ann.sid });
    });

    it('is not restored by rolling', async () => {
      let ann!: Visitor;
      const site = await open(
        { rolling: true },
        overtaken(
          () => ann.get('/logout'),
          () => undefined,
        ),
      );
      ann = await member(site);
      const reply = await ann.get('/late');
      expect([reply.setCookie, site.client.size]).toEqual([[], 0]);
    });

    it('keeps the cookie of the new login, if it was regenerated', async () => {
      let ann!: Visitor;
      const site = await open(
        {},
        overtaken(() => ann.get('/move')),
      );
      ann = await member(site);
      const reply = await ann.get('/late');
      expect(reply.setCookie).toEqual([]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect(site.events()).toContain('session:gone');
    });

    const logout = (ctx: Koa.Context) => {
      ctx.session = null;
    };

    it('does not affect a new login if a late request logs out', async () => {
      let ann!: Visitor;
      const site = await open(
        {},
        overtaken(() => ann.get('/login-anew'), logout),
      );
      ann = await member(site);
      expect(sentId(await ann.get('/late'))).toBeUndefined();
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', again: true });
    });

    it('is logged out under its new id too, if a late request logs out', async () => {
      let ann!: Visitor;
      let moved: string | undefined;
      const site = await open(
        {},
        overtaken(async () => {
          moved = sentId(await ann.get('/move'));
        }, logout),
      );
      ann = await member(site);
      expect(sentId(await ann.get('/late'))).toBe('');
      expect(moved).toMatch(/./);
      expect(await recordOf(site.client, keyOf(variant, moved))).toBeUndefined();
    });

    it('gives a late request an empty session when it uses the session again', async () => {
      let ann!: Visitor;
      const seen: unknown[] = [];
      const site = await open(
        {},
        overtaken(
          () => ann.get('/logout'),
          async (ctx) => {
            (await sessionOf(ctx))['late'] = true;
            await ctx.saveSession();
            seen.push(ctx.sessionHandler.isNew, dataOf(await ctx.sessionHandler.reload()));
          },
        ),
      );
      ann = await member(site);
      const calls = countCalls(site.client);
      await ann.get('/late');
      expect(seen).toEqual([true, {}]);
      expect([site.client.size, calls.of('destroy')]).toEqual([0, 1]);
    });
  });
}
