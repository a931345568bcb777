import type Koa from 'koa';
import type { Session } from '../../../lib/main';
import { dataOf, sentId, sessionOf, setCookieOf } from '../sites/session-site';
import { recordOf } from '../stores/open-clients';
import { casesIf, keyOf, member, siteOpener, type Variant } from './variant';

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The functions that an application may provide: each may be async, and is awaited. */
export function hooksContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('genSid', () => {
    records.it.each([
      ['returns', (sid: string) => sid],
      ['promises', (sid: string) => later().then(() => sid)],
    ])('creates the ids: the handler and the visitor get what it %s', async (_how, giving) => {
      const heard: unknown[] = [];
      const site = await open(
        {
          genSid(length) {
            heard.push(length, this.path);
            return giving(`own-${length}`);
          },
        },
        {
          '/begin': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'ann';
            return ctx.sessionId;
          },
        },
      );
      const reply = await site.visitor().get('/begin');
      expect([reply.json(), sentId(reply)]).toEqual(['own-24', 'own-24']);
      expect(heard).toEqual([24, '/begin']);
      expect(await recordOf(site.client, keyOf(variant, 'own-24'))).toMatchObject({ user: 'ann' });
    });

    records.it('creates the id of a regenerated session too', async () => {
      let count = 0;
      const genSid = async () => `id-${++count}`;
      const site = await open({ genSid }, { '/new-id': (ctx) => ctx.regenerateSession({ keepData: true }) });
      const ann = await member(site);
      expect(ann.sid).toBe('id-1');
      expect(sentId(await ann.get('/new-id'))).toBe('id-2');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it.each(['', 'line\nbreak', 7, undefined, '__proto__'])(
      'must not return %j: the request fails, and nothing is stored',
      async (sid) => {
        const site = await open({ genSid: () => sid as string });
        expect((await site.visitor().get('/put?user=ann')).status).toBe(500);
        expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_ID' })]);
        expect(site.client.size).toBe(0);
      },
    );

    it('that rejects fails the request', async () => {
      const site = await open({ genSid: () => Promise.reject(new Error('no entropy')) });
      expect((await site.visitor().get('/put?user=ann')).status).toBe(500);
      expect(site.errors.map(({ message }) => message)).toEqual(['no entropy']);
    });
  });

  describe('valid', () => {
    records.it.each([
      ['returns', (answer: boolean) => answer],
      ['promises', (answer: boolean) => later().then(() => answer)],
    ])(
      'decides whether a stored session is used: if it %s false, record and cookie are removed',
      async (_how, giving) => {
        const seen: unknown[] = [];
        const site = await open({
          valid(ctx, session) {
            seen.push([ctx.path, session['user'], session.cookie.path]);
            return giving(ctx.query['ok'] === 'yes');
          },
        });
        const ann = await member(site);
        expect((await ann.get('/see?ok=yes')).json()).toEqual({ user: 'ann' });
        const reply = await ann.get('/see?ok=no');
        expect(reply.json()).toEqual({});
        expect(sentId(reply)).toBe('');
        expect(site.client.size).toBe(0);
        expect(seen).toEqual([
          ['/see', 'ann', '/'],
          ['/see', 'ann', '/'],
        ]);
        expect(site.heard.find(({ name }) => name === 'session:invalid')).toMatchObject({
          key: ann.sid,
          value: { user: 'ann' },
        });
      },
    );

    it('is not called for new sessions', async () => {
      const valid = jest.fn(() => false);
      const site = await open({ valid });
      expect((await site.visitor().get('/put?user=ann')).status).toBe(200);
      expect(valid).not.toHaveBeenCalled();
    });

    records.it('that refuses gives the visitor a new session, with a new id', async () => {
      const site = await open({ valid: async () => false });
      const ann = await member(site);
      const reply = await ann.get('/put?user=bob');
      expect(sentId(reply)).toMatch(/^[\w-]{24}$/);
      expect(sentId(reply)).not.toBe(ann.sid);
      expect(reply.setCookie).toHaveLength(2);
      expect(dataOf(await recordOf(site.client, keyOf(variant, sentId(reply))))).toEqual({ user: 'bob' });
    });

    it('that rejects fails the request, and the session stays', async () => {
      let broken = false;
      const site = await open({
        valid: async () => {
          if (broken) throw new Error('user database is down');
          return true;
        },
      });
      const ann = await member(site);
      broken = true;
      const reply = await ann.get('/see');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      broken = false;
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it('may change the session', async () => {
      const site = await open({
        valid: (_ctx, session) => {
          session['visits'] = Number(session['visits'] ?? 0) + 1;
          return true;
        },
      });
      const ann = await member(site);
      await ann.get('/see');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', visits: 2 });
    });
  });

  describe('beforeSave', () => {
    it.each([
      ['sync', (change: () => void) => change()],
      ['async', (change: () => void) => later().then(change)],
    ])('(%s) runs once before a changed session is written, and its changes are written too', async (_how, doing) => {
      const beforeSave = jest.fn((ctx: Koa.Context, session: Session) =>
        doing(() => {
          session['saved'] = ctx.url;
        }),
      );
      const site = await open({ beforeSave });
      const ann = await member(site);
      expect(beforeSave).toHaveBeenCalledTimes(1);
      await ann.get('/put?user=bob');
      expect(beforeSave).toHaveBeenCalledTimes(2);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob', saved: '/put?user=bob' });
      expect(beforeSave).toHaveBeenCalledTimes(2);
    });

    it('does not run if the session is only extended', async () => {
      const beforeSave = jest.fn();
      const site = await open({ beforeSave, rolling: true });
      const ann = await member(site);
      await ann.get('/see');
      expect(beforeSave).toHaveBeenCalledTimes(1);
    });

    it('may change the cookie, which is sent with the changes', async () => {
      const site = await open({
        beforeSave: async (_ctx, session) => {
          session.cookie.sameSite = 'strict';
        },
      });
      expect(setCookieOf(await site.visitor().get('/put?user=ann'))).toContain('samesite=strict');
    });

    it('that rejects fails the request, and nothing is written', async () => {
      const site = await open({ beforeSave: () => Promise.reject(new Error('not now')) });
      const reply = await site.visitor().get('/put?user=ann');
      expect([reply.status, reply.setCookie, site.client.size]).toEqual([500, [], 0]);
      expect(site.errors.map(({ message }) => message)).toEqual(['not now']);
    });

    it('cannot save the session itself, which would never finish', async () => {
      const site = await open({ beforeSave: (ctx) => ctx.saveSession() });
      expect((await site.visitor().get('/put?user=ann')).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_NESTED' })]);
    });
  });

  describe('sessionIdStore', () => {
    const header = {
      get(this: Koa.Context) {
        return this.get('x-session');
      },
      set(this: Koa.Context, sid: string, session: Session) {
        this.set('x-session', sid);
        this.set('x-user', String(session['user']));
      },
      reset(this: Koa.Context) {
        this.set('x-session', 'none');
      },
    };
    const slowHeader = {
      async get(this: Koa.Context) {
        await later();
        return this.get('x-session');
      },
      async set(this: Koa.Context, sid: string, session: Session) {
        await later();
        header.set.call(this, sid, session);
      },
      async reset(this: Koa.Context) {
        await later();
        header.reset.call(this);
      },
    };

    records.it.each([
      ['sync', header],
      ['async', slowHeader],
    ])('(%s) carries the id instead of the cookie', async (_how, sessionIdStore) => {
      const site = await open({ sessionIdStore });
      const begun = await site.visitor().get('/put?user=ann');
      const sid = begun.headers.get('x-session') as string;
      expect(begun.setCookie).toEqual([]);
      expect(begun.headers.get('x-user')).toBe('ann');
      expect((await site.visitor().get('/see', { 'x-session': sid })).json()).toEqual({ user: 'ann' });
      expect((await site.visitor().get('/see')).json()).toEqual({});
      const ended = await site.visitor().get('/logout', { 'x-session': sid });
      expect(ended.headers.get('x-session')).toBe('none');
      expect(site.client.size).toBe(0);
    });

    records.it('that fails to send the id leaves no record behind', async () => {
      const set = () => Promise.reject(new Error('cannot say'));
      const site = await open({ sessionIdStore: { ...header, set } });
      expect((await site.visitor().get('/put?user=ann')).status).toBe(500);
      expect(site.client.size).toBe(0);
    });
  });
}
