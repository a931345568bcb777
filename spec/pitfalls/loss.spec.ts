import { compare } from '../helpers/sites/compared-packages';
import { dataOf, sentId, sessionOf } from '../helpers/sites/session-site';
import { countCalls, failing } from '../helpers/stores/open-clients';

/** Two texts of one length whose CRC32 is the same; so is that of any two texts that differ in nothing else. */
const COLLIDING = ['3807458072', '9086789562'];

describe('sessions that get lost', () => {
  compare(
    'logging in: the data is copied, the id renewed, the data put back, and the user is logged out',
    ['eager', 'defer'],
    async ({ open, member }) => {
      const site = await open(
        {},
        {
          '/renew': async (ctx) => {
            const data = { ...(await sessionOf(ctx)) };
            await ctx.regenerateSession();
            ctx.session = data;
          },
        },
      );
      const ann = await member(site);
      await ann.get('/renew');
      return (await ann.get('/see')).json<object>();
    },
    { fault: {}, right: { user: 'ann' } },
  );

  compare(
    'a read that fails once, which the application catches, ends the session',
    ['defer'],
    async ({ open, member }) => {
      const site = await open({}, { '/careful': (ctx) => sessionOf(ctx).catch(() => 'as a guest') });
      const ann = await member(site);
      const mend = failing(site.client, 'read');
      const reply = await ann.get('/careful');
      mend();
      return {
        status: reply.status,
        sent: sentId(reply),
        left: site.client.size,
        next: (await ann.get('/see')).json<object>(),
      };
    },
    {
      fault: { status: 200, sent: '', left: 0, next: {} },
      right: { status: 200, sent: undefined, left: 1, next: { user: 'ann' } },
    },
  );

  compare(
    'a read that fails once, which the errorHandler swallows, logs the user out',
    ['eager', 'defer'],
    async ({ open, member }) => {
      const site = await open({ errorHandler: () => undefined });
      const ann = await member(site);
      const mend = failing(site.client, 'read');
      const reply = await ann.get('/see');
      mend();
      return { status: reply.status, sent: sentId(reply), next: (await ann.get('/see')).json<object>() };
    },
    {
      fault: { status: 200, sent: '', next: {} },
      right: { status: 200, sent: undefined, next: { user: 'ann' } },
    },
  );

  compare(
    'asking twice at once gives nothing the second time',
    ['defer'],
    async ({ open, member }) => {
      const site = await open(
        {},
        {
          '/twice': async (ctx) => (await Promise.all([ctx.session, ctx.session])).map(dataOf),
        },
      );
      return (await (await member(site)).get('/twice')).json<unknown[]>();
    },
    { fault: [{ user: 'ann' }, null], right: [{ user: 'ann' }, { user: 'ann' }] },
  );

  compare(
    'a change whose CRC32 collides with what was stored before is dropped',
    ['eager', 'defer'],
    async ({ open }) => {
      const site = await open();
      const visitor = site.visitor();
      for (const number of COLLIDING) await visitor.get(`/put?phone=${number}`);
      return (await visitor.get('/see')).json<object>();
    },
    { fault: { phone: COLLIDING[0] }, right: { phone: COLLIDING[1] } },
  );

  compare(
    'a late request with the old id takes the cookie of the fresh login away',
    ['eager', 'defer'],
    async ({ open, member }) => {
      const site = await open(
        {},
        {
          '/login': async (ctx) => {
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = 'bob';
          },
        },
      );
      const ann = await member(site);
      const cookie = await ann.jar.getCookieString(site.url);
      await ann.get('/login');
      const late = await ann.get('/see', { cookie });
      return { sent: sentId(late), next: (await ann.get('/see')).json<object>() };
    },
    { fault: { sent: '', next: {} }, right: { sent: undefined, next: { user: 'bob' } } },
  );

  compare(
    'ten reads of a rolling session are ten writes of all its data, although the store could extend it',
    ['eager', 'defer'],
    async ({ open, newClient, member }) => {
      const client = newClient();
      // What Redis and its like can do; a MemoryStore can already.
      if (!('touch' in client)) Object.assign(client, { touch: async () => true });
      const site = await open({ rolling: true }, {}, { client });
      const ann = await member(site);
      const calls = countCalls(client);
      for (let visit = 1; visit <= 10; visit += 1) await ann.get('/see');
      return { writes: calls.of('write'), touches: calls.of('touch') };
    },
    { fault: { writes: 10, touches: 0 }, right: { writes: 0, touches: 10 } },
  );
});
