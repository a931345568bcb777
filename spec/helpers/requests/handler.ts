import { dataOf, type Routes, sentId, sessionOf } from '../sites/session-site';
import { countCalls, failing, recordOf } from '../stores/open-clients';
import { casesIf, cookieOf, keyOf, member, siteOpener, type Variant } from './variant';

/** `ctx.sessionHandler` and the events of the application. */
export function handlerContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);
  const shared = casesIf(variant.sharesSessions);

  describe('ctx.sessionHandler', () => {
    const routes: Routes = {
      '/state': async (ctx) => {
        await ctx.session;
        const { id, isNew, status } = ctx.sessionHandler;
        return { id, isNew, status };
      },
      '/change': async (ctx) => {
        (await sessionOf(ctx))['user'] = 'bob';
        const changed = ctx.sessionHandler.status;
        await ctx.sessionHandler.save();
        return [changed, ctx.sessionHandler.status, ctx.sessionHandler.isNew];
      },
      '/destroy': async (ctx) => {
        await ctx.sessionHandler.destroy();
        return [ctx.sessionHandler.status, await ctx.session];
      },
      '/touch': (ctx) => ctx.sessionHandler.touch(),
      '/move': (ctx) => ctx.sessionHandler.regenerateId(),
    };

    records.it('reports the id, whether a record exists, and the status', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      expect((await ann.get('/state')).json()).toEqual({ id: ann.sid, isNew: false, status: 'unmodified' });
      const fresh = (await site.visitor().get('/state')).json<{ id: string }>();
      expect(fresh).toEqual({ id: expect.stringMatching(/^[\w-]{24}$/), isNew: true, status: 'unmodified' });
    });

    it.each(['a member', 'a new visitor'])('save() writes the changes so far, for %s', async (who) => {
      const site = await open({}, routes);
      const visitor = who === 'a member' ? await member(site) : site.visitor();
      const calls = countCalls(site.client);
      expect((await visitor.get('/change')).json()).toEqual(['modified', 'unmodified', false]);
      expect(calls.of('write')).toBe(1);
      expect((await visitor.get('/see')).json()).toEqual({ user: 'bob' });
    });

    records.it('destroy() removes record and cookie at once', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const reply = await ann.get('/destroy');
      expect(reply.json()).toEqual(['destroyed', null]);
      expect([sentId(reply), site.client.size, await cookieOf(ann, site)]).toEqual(['', 0, '']);
    });

    records.it('touch() extends record and cookie, and is false without a record', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const calls = countCalls(site.client);
      const reply = await ann.get('/touch');
      expect([reply.json(), sentId(reply)]).toEqual([true, ann.sid]);
      expect(calls.of('touch') || calls.of('write')).toBe(1);
      expect((await site.visitor().get('/touch')).json()).toBe(false);
    });

    records.it('regenerateId() moves the data to a new id', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const sid = sentId(await ann.get('/move'));
      expect(sid).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect(await recordOf(site.client, keyOf(variant, ann.sid))).toBeUndefined();
    });

    records.it('reload() reads the record again, and discards unsaved changes', async () => {
      const client = variant.newClient();
      const site = await open(
        {},
        {
          '/reload': async (ctx) => {
            const current = await sessionOf(ctx);
            current['unsaved'] = true;
            const { user: _, ...rest } = current;
            await client.set(keyOf(variant, ctx.sessionId), { ...rest, user: 'bob', cookie: {} }, 60_000);
            await client.set(keyOf(variant, ctx.sessionId), { user: 'bob', cookie: {} }, 60_000);
            return [dataOf(await ctx.sessionHandler.reload()), dataOf(await ctx.session)];
          },
        },
        { client },
      );
      const ann = await member(site);
      expect((await ann.get('/reload')).json()).toEqual([{ user: 'bob' }, { user: 'bob' }]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    });

    shared.it(
      'update() changes the stored session in one step: the function gets stored data and pending changes, and its result is returned',
      async () => {
        const site = await open(
          {},
          {
            '/count': async (ctx) => {
              const current = await sessionOf(ctx);
              current['pending'] = true;
              await ann.get('/put?theme=dark');
              const result = await ctx.sessionHandler.update(async (latest) => {
                latest['count'] = Number(latest['count'] ?? 41) + 1;
                return [latest['count'], latest['theme'], latest['pending']];
              });
              return [result, dataOf(await ctx.session), ctx.sessionHandler.status, (await ctx.session) === current];
            },
          },
        );
        const ann = await member(site);
        const data = { user: 'ann', theme: 'dark', pending: true, count: 42 };
        expect((await ann.get('/count')).json()).toEqual([[42, 'dark', true], data, 'unmodified', true]);
        expect((await ann.get('/see')).json()).toEqual(data);
      },
    );

    shared.it('update() loses no count of parallel requests', async () => {
      const site = await open(
        {},
        {
          '/count': (ctx) =>
            ctx.sessionHandler.update((latest) => {
              latest['count'] = Number(latest['count'] ?? 0) + 1;
            }),
        },
      );
      const ann = await member(site);
      await Promise.all(Array.from({ length: 20 }, () => ann.get('/count')));
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', count: 20 });
    });

    it('update() starts the session of a new visitor', async () => {
      const site = await open(
        {},
        {
          '/first': (ctx) => ctx.sessionHandler.update((latest) => Object.assign(latest, { user: 'ann' }) && 'done'),
        },
      );
      const visitor = site.visitor();
      expect((await visitor.get('/first')).json()).toBe('done');
      expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
    });

    shared.it('update() rejects if the session has been destroyed, and does not restore it', async () => {
      const site = await open(
        {},
        {
          '/late': async (ctx) => {
            await ctx.session;
            await ann.get('/logout');
            const update = ctx.sessionHandler.update((latest) => Object.assign(latest, { late: true }));
            return update.catch(({ code }: { code: string }) => code);
          },
        },
      );
      const ann = await member(site);
      const reply = await ann.get('/late');
      expect([reply.json(), reply.setCookie, site.client.size]).toEqual(['ERR_SESSION_GONE', [], 0]);
    });

    it.each(['a member', 'a new visitor'])('update() changes nothing if its function throws, for %s', async (who) => {
      const site = await open(
        {},
        {
          '/fail': (ctx) =>
            ctx.sessionHandler
              .update((latest) => {
                latest['half'] = true;
                throw new Error('second thoughts');
              })
              .catch((error: Error) => error.message),
        },
      );
      const visitor = who === 'a member' ? await member(site) : site.visitor();
      const before = (await visitor.get('/see')).json();
      expect((await visitor.get('/fail')).json()).toBe('second thoughts');
      expect((await visitor.get('/see')).json()).toEqual(before);
    });

    it('reports a failure of the store', async () => {
      const site = await open(
        {},
        {
          '/fail': async (ctx) => {
            await ctx.session;
            failing(site.client, 'write', new Error('disk is full'));
            return ctx.sessionHandler
              .update((latest) => Object.assign(latest, { a: 1 }))
              .catch((error: Error) => error.message);
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/fail')).json()).toBe('disk is full');
    });
  });

  describe('the events of the application', () => {
    records.it('report the life of a session, each with context, id and session', async () => {
      const site = await open({}, { '/move': (ctx) => ctx.regenerateSession({ keepData: true }) });
      const contexts: unknown[] = [];
      for (const name of ['created', 'saved', 'regenerated', 'destroyed']) {
        site.app.on(`session:${name}`, ({ ctx }) => contexts.push(ctx.path));
      }
      const ann = await member(site);
      await ann.get('/see');
      await ann.get('/put?user=bob');
      const moved = sentId(await ann.get('/move'));
      await ann.get('/logout');
      expect(site.heard.map(({ name, key, value }) => [name, key, dataOf(value)])).toEqual([
        ['session:created', ann.sid, { user: 'ann' }],
        ['session:saved', ann.sid, { user: 'bob' }],
        ['session:regenerated', moved, { user: 'bob' }],
        ['session:created', moved, { user: 'bob' }],
        ['session:destroyed', moved, expect.anything()],
      ]);
      expect(contexts).toEqual(['/put', '/put', '/move', '/move', '/logout']);
    });

    records.it('report a session that has expired, which no request gets', async () => {
      const site = await open(
        {},
        {
          '/end': async (ctx) => {
            (await sessionOf(ctx)).cookie.expires = new Date(Date.now() - 1000);
          },
        },
      );
      const ann = await member(site);
      expect(sentId(await ann.get('/end'))).toBe('');
      expect(site.events()).toContain('session:expired');
      expect(site.client.size).toBe(0);
    });
  });
}
