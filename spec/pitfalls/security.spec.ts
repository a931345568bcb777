import predecessor = require('koa-generic-session');
import session = require('../../lib/main');

import { runScript } from '../helpers/programs/process-script';
import { compare } from '../helpers/sites/compared-packages';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sentId, sessionOf } from '../helpers/sites/session-site';
import { countCalls, recordOf } from '../helpers/stores/open-clients';

describe('sessions in the wrong hands', () => {
  compare(
    'a session that is assigned before it is read is stored under a key that all visitors share',
    ['defer'],
    async ({ open }) => {
      const site = await open(
        {},
        {
          '/login': (ctx) => {
            ctx.session = { user: ctx.query['user'] };
          },
        },
      );
      const [ann, bob] = [site.visitor(), site.visitor()];
      await ann.get('/login?user=ann');
      await bob.get('/login?user=bob');
      return {
        records: site.client.size,
        shared: Boolean(await recordOf(site.client, 'koa:sess:undefined')),
        users: [(await ann.get('/see')).json(), (await bob.get('/see')).json()],
      };
    },
    {
      fault: { records: 1, shared: true, users: [{}, {}] },
      right: { records: 2, shared: false, users: [{ user: 'ann' }, { user: 'bob' }] },
    },
  );

  compare(
    'with an unsigned cookie an attacker chooses the id of the session that a user logs in to',
    ['defer'],
    async ({ open }) => {
      const site = await open(
        { cookie: { signed: false } },
        {
          '/login': (ctx) => {
            ctx.session = { user: 'ann' };
          },
        },
      );
      const planted = { cookie: 'koa.sid=planted-by-the-attacker' };
      await site.visitor().get('/login', planted);
      return (await site.visitor().get('/see', planted)).json<object>();
    },
    { fault: { user: 'ann' }, right: {} },
  );

  compare(
    'an async `valid` that says no lets everybody in',
    ['eager', 'defer'],
    async ({ open, member }) => {
      const site = await open({ valid: async () => false });
      return (await (await member(site)).get('/see')).json<object>();
    },
    { fault: { user: 'ann' }, right: {} },
  );

  compare(
    'what an async `beforeSave` sets is not saved',
    ['eager', 'defer'],
    async ({ open, member }) => {
      const site = await open({
        beforeSave: async (_ctx, current) => {
          await Promise.resolve();
          current['saved'] = true;
        },
      });
      return (await (await member(site)).get('/see')).json<object>();
    },
    { fault: { user: 'ann' }, right: { user: 'ann', saved: true } },
  );

  describe('a hook that rejects', () => {
    // In a separate process, since the fault ends it.
    const rejecting = `
      const Koa = require('koa');
      const app = Object.assign(new Koa(), { keys: ['the key of the specs, of more than 32 bytes'], silent: true });
      app.use(session({ store: new session.MemoryStore(), [args.hook]: () => Promise.reject(new Error('not now')) }));
      app.use(async (ctx) => {
        const current = await ctx.session;
        current.user = 'ann';
        ctx.body = 'ok';
      });
      const server = app.listen(0, '127.0.0.1');
      await require('node:events').once(server, 'listening');
      const { status } = await fetch('http://127.0.0.1:' + server.address().port);
      console.log(status);
      server.close();
      server.closeAllConnections();`;

    it('ends the process with koa-generic-session', async () => {
      const ended = await runScript('predecessor', rejecting, { hook: 'beforeSave' });
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('Error: not now') });
    });

    it('fails the request here', async () => {
      const ended = await runScript('own', rejecting, { hook: 'beforeSave' });
      expect(ended).toMatchObject({ code: 0, stdout: '500\n', stderr: '' });
    });
  });

  describe('an id named __proto__ makes every object of the process an admin', () => {
    afterEach(() => {
      for (const name of ['admin', 'cookie']) Reflect.deleteProperty(Object.prototype, name);
    });

    async function attack(use: (options: object) => ReturnType<typeof predecessor>): Promise<unknown> {
      const options = { prefix: '', cookie: { signed: false } };
      const routes = {
        '/promote': async (ctx: Parameters<typeof sessionOf>[0]) => {
          (await sessionOf(ctx))['admin'] = true;
        },
      };
      const site = await closedAfterTest(openSite({ use: use(options), routes }));
      await site.visitor().get('/promote', { cookie: 'koa.sid=__proto__' });
      return ({} as { admin?: unknown }).admin;
    }

    it('happens with koa-generic-session', async () => {
      expect(await attack(predecessor)).toBe(true);
    });

    it('does not happen here', async () => {
      expect(await attack(session)).toBeUndefined();
    });

    it('does not happen here either with a client that keeps sessions in a plain object', async () => {
      const sessions: Record<string, unknown> = {};
      const store = {
        get: (key: string) => sessions[key],
        set: (key: string, value: unknown) => {
          sessions[key] = value;
        },
        destroy: (key: string) => delete sessions[key],
      };
      expect(await attack((options) => session({ ...options, store }))).toBeUndefined();
    });
  });

  describe('saving early', () => {
    compare(
      'gives a new visitor one id after the other, and stores twice',
      ['eager', 'defer'],
      async ({ open }) => {
        const site = await open(
          {},
          {
            '/early': async (ctx) => {
              (await sessionOf(ctx))['user'] = 'ann';
              const before = ctx.sessionId;
              await ctx.saveSession();
              return ctx.sessionId === before;
            },
          },
        );
        const calls = countCalls(site.client);
        const visitor = site.visitor();
        const same = (await visitor.get('/early')).json<boolean>();
        return { same, writes: calls.of('write'), reads: calls.of('read') };
      },
      { fault: { same: false, writes: 2, reads: 1 }, right: { same: true, writes: 1, reads: 0 } },
    );

    compare(
      'keeps a new user logged in who is logged out in the same request',
      ['eager'],
      async ({ open }) => {
        const site = await open(
          {},
          {
            '/both': async (ctx) => {
              (await sessionOf(ctx))['user'] = 'ann';
              await ctx.saveSession();
              ctx.session = null;
            },
          },
        );
        const visitor = site.visitor();
        await visitor.get('/both');
        return { left: site.client.size, next: (await visitor.get('/see')).json<object>() };
      },
      { fault: { left: 1, next: { user: 'ann' } }, right: { left: 0, next: {} } },
    );

    compare(
      'keeps the old id alive when it is renewed in the same request',
      ['eager'],
      async ({ open }) => {
        const site = await open(
          {},
          {
            '/both': async (ctx) => {
              (await sessionOf(ctx))['guest'] = true;
              await ctx.saveSession();
              const guest = ctx.sessionId;
              await ctx.regenerateSession();
              (await sessionOf(ctx))['user'] = 'ann';
              return guest;
            },
          },
        );
        const reply = await site.visitor().get('/both');
        const old = await recordOf(site.client, `koa:sess:${reply.json<string>()}`);
        return { old: Boolean(old), renewed: sentId(reply) !== reply.json<string>() };
      },
      { fault: { old: true, renewed: true }, right: { old: false, renewed: true } },
    );

    compare(
      'fails if the URL was rewritten, since it runs the next middleware again',
      ['eager', 'defer'],
      async ({ open }) => {
        const site = await open(
          { cookie: { path: '/shop' } },
          {
            '/shop': async (ctx) => {
              (await sessionOf(ctx))['user'] = 'ann';
              ctx.url = '/rewritten';
              await ctx.saveSession();
            },
          },
        );
        const { status } = await site.visitor().get('/shop');
        return { status, errors: site.errors.map(({ message }) => message) };
      },
      {
        fault: { status: 500, errors: ['next() called multiple times'] },
        right: { status: 200, errors: [] },
      },
    );
  });
});
