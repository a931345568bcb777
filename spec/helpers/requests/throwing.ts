import type Koa from 'koa';
import { type Routes, sentId, sessionOf, setCookieOf } from '../sites/session-site';
import { countCalls } from '../stores/open-clients';
import { until } from '../time/until';
import { casesIf, member, siteOpener, type Variant } from './variant';

/** Requests that fail, or that have answered already. */
export function throwingContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);
  const catching: Koa.Middleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      ctx.status = 418;
      ctx.body = `caught ${(error as Error).message ?? error}`;
    }
  };
  /** Throws what it is given, after a change to the session. */
  const throwing = (error: () => unknown): Routes => ({
    '/throw': async (ctx) => {
      (await sessionOf(ctx))['tries'] = Number((await sessionOf(ctx))['tries'] ?? 0) + 1;
      throw error();
    },
  });
  const plain = () => new Error('no');

  describe('a handler that throws', () => {
    it.each([
      ["Koa's own handler", undefined, 500],
      ['an outer catch', catching, 418],
    ])('has its changes saved, and the cookie reaches the visitor past %s', async (_who, before, status) => {
      const site = await open({}, throwing(plain), { before });
      const visitor = site.visitor();
      for (let visit = 1; visit <= 3; visit += 1) {
        const reply = await visitor.get('/throw');
        expect(reply.status).toBe(status);
        expect(reply.setCookie).toHaveLength(2);
      }
      expect(site.client.size).toBe(1);
      expect((await visitor.get('/see')).json()).toEqual({ tries: 3 });
    });

    records.it('has the same cookie and caching headers as one that does not', async () => {
      const site = await open({}, throwing(plain));
      const { headers, ...reply } = await site.visitor().get('/throw');
      expect(setCookieOf({ ...reply, headers })).toMatch(
        /^koa\.sid=[\w-]{24}; path=\/; expires=[^;]+; max-age=\d+; samesite=lax; httponly$/,
      );
      expect(headers.get('vary')).toContain('Cookie');
      expect(headers.get('cache-control')).toBe('no-store');
    });

    records.it('may have regenerated or ended the session, and the cookie says so', async () => {
      const site = await open(
        {},
        {
          '/move': async (ctx) => {
            await ctx.regenerateSession({ keepData: true });
            throw plain();
          },
          '/end': async (ctx) => {
            ctx.session = null;
            throw plain();
          },
        },
      );
      const ann = await member(site);
      const moved = sentId(await ann.get('/move'));
      expect(moved).toMatch(/^[\w-]{24}$/);
      expect(moved).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect(sentId(await ann.get('/end'))).toBe('');
    });

    it.each([
      ['a string', () => 'text'],
      ['a plain object', () => ({ message: 'no error' })],
      ['a frozen error', () => Object.freeze(new Error('frozen'))],
      [
        'an error whose headers cannot be changed',
        () => Object.defineProperty(plain(), 'headers', { value: { 'x-own': '1' } }),
      ],
      [
        'an error with an accessor for headers',
        () => Object.defineProperty(plain(), 'headers', { get: () => ({ 'x-own': '1' }) }),
      ],
      [
        'an error with its own headers',
        () => Object.assign(plain(), { headers: { 'X-Own': '1', 'Set-Cookie': 'own=1' } }),
      ],
    ])('may throw %s', async (_what, error) => {
      const site = await open({}, throwing(error));
      const visitor = site.visitor();
      const replies = [await visitor.get('/throw'), await visitor.get('/throw')];
      expect(replies.map(({ status }) => status)).toEqual([500, 500]);
      expect(site.client.size).toBe(1);
      expect((await visitor.get('/see')).json()).toEqual({ tries: 2 });
    });

    it("keeps the error's own headers", async () => {
      const own = { 'X-Own': '1', 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Accept', 'Cache-Control': 'no-store' };
      const site = await open(
        {},
        throwing(() => Object.assign(plain(), { headers: own })),
      );
      const reply = await site.visitor().get('/throw');
      expect(reply.headers.get('x-own')).toBe('1');
      expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(
        expect.arrayContaining(['a', 'b', 'koa.sid', 'koa.sid.sig']),
      );
      expect(reply.headers.get('vary')).toMatch(/Cookie.*Accept|Accept.*Cookie/);
      expect(reply.headers.get('cache-control')).toBe('no-store');
    });

    it.each([
      ['without headers', () => plain()],
      ['with headers', () => Object.assign(plain(), { headers: { 'X-Own': '1' } })],
      [
        'with a prototype that has headers',
        () => Object.assign(Object.create(Object.assign(plain(), { headers: { 'X-Own': '1' } }))),
      ],
    ])('that throws an error %s which others throw too sends no visitor the cookie of another', async (_how, make) => {
      const shared = make() as Error & { headers?: object };
      const own = Object.getOwnPropertyDescriptor(shared, 'headers');
      const site = await open(
        {},
        {
          ...throwing(() => shared),
          '/bare': () => {
            throw shared;
          },
        },
      );
      const first = await site.visitor().get('/throw');
      expect(first.setCookie).toHaveLength(2);
      expect(Object.getOwnPropertyDescriptor(shared, 'headers')).toEqual(own);
      expect((await site.visitor().get('/bare')).setCookie).toEqual([]);
      const second = await site.visitor().get('/throw');
      expect(second.setCookie).toHaveLength(2);
      expect(sentId(second)).not.toBe(sentId(first));
    });

    it('determines the error if saving fails too; the other one is reported', async () => {
      const site = await open(
        {},
        {
          '/loop': async (ctx) => {
            const current = await sessionOf(ctx);
            current['self'] = current;
            throw Object.assign(new Error('the first'), { expose: true, status: 409 });
          },
        },
      );
      const reply = await site.visitor().get('/loop');
      expect([reply.status, reply.text, reply.setCookie]).toEqual([409, 'the first', []]);
      expect(site.errors).toContainEqual(expect.objectContaining({ code: 'ERR_SESSION_SERIALIZE' }));
      expect(site.client.size).toBe(0);
    });
  });

  describe('a handler that has sent the headers', () => {
    const sending = (change: (ctx: Koa.Context) => Promise<unknown>): Routes => ({
      '/sent': async (ctx) => {
        ctx.respond = false;
        await ctx.session;
        ctx.res.writeHead(200);
        await change(ctx);
        ctx.res.end('"sent"');
      },
    });

    it('cannot start a session: no unusable record is stored', async () => {
      const site = await open(
        {},
        sending(async (ctx) => Object.assign(await sessionOf(ctx), { user: 'ann' })),
      );
      expect((await site.visitor().get('/sent')).text).toBe('"sent"');
      await until(() => site.errors.length > 0);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_HEADERS_SENT' })]);
      expect(site.client.size).toBe(0);
    });

    records.it('can change its session', async () => {
      const site = await open(
        {},
        sending(async (ctx) => {
          (await sessionOf(ctx))['user'] = 'bob';
          await ctx.saveSession();
        }),
      );
      const ann = await member(site);
      await ann.get('/sent');
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
      expect(site.errors).toEqual([]);
    });

    records.it('can end its session', async () => {
      const site = await open(
        {},
        sending((ctx) => ctx.sessionHandler.destroy()),
      );
      const ann = await member(site);
      await ann.get('/sent');
      expect(site.client.size).toBe(0);
      expect(site.errors).toEqual([]);
    });
  });

  describe("a handler that does not await the session's methods", () => {
    records.it('has its session regenerated and saved before the request ends', async () => {
      const site = await open({}, { '/hasty': (ctx) => void ctx.regenerateSession({ keepData: true }) });
      const ann = await member(site);
      const sid = sentId(await ann.get('/hasty'));
      expect(sid).toMatch(/^[\w-]{24}$/);
      expect(sid).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it('ends no request before the session is stored', async () => {
      const site = await open(
        {},
        {
          '/hasty': (ctx) => {
            void sessionOf(ctx).then((current) => {
              current['hasty'] = true;
            });
          },
        },
      );
      const ann = await member(site);
      const calls = countCalls(site.client);
      await ann.get('/hasty');
      expect(calls.of('read')).toBe(1);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', hasty: true });
    });
  });
}
