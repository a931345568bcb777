import { setImmediate as turn } from 'node:timers/promises';
import type minimal from '../../../lib/koa-session-minimal';
import { startNode } from '../../helpers/programs/node-program';
import { MapClient } from '../../helpers/stores/map-client';
import { fakeClock, pass, settled } from '../../helpers/time/fake-clock';
import { type Gate, gate, meeting } from '../../helpers/time/gate';
import { type Make, openMinimal, ours, peer, type Routes, type Visitor } from './site';

const DAY = 24 * 60 * 60 * 1000;
/** What timers of Node hold, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

const basic: Routes = {
  '/see': (ctx) => ctx.session,
  '/put': (ctx) => Object.assign(ctx.session, ctx['query']),
  '/logout': (ctx) => {
    ctx.session = null;
  },
};

interface Setup {
  options?: minimal.SessionOptions;
  routes?: Routes;
}

/** One scenario, on a client in memory. */
type Play = (stage: {
  client: MapClient;
  open(setup?: Setup): Promise<Visitor & { another(): Visitor; headers(path: string): Promise<Headers> }>;
}) => Promise<unknown>;

/** Plays a scenario with koa-session-minimal, which shows that the fault is real, and with this package's entry point. */
function mended(title: string, { fault, right }: { fault: unknown; right: unknown }, play: Play): void {
  const run = (make: Make) => {
    const client = new MapClient();
    return play({
      client,
      async open({ options, routes } = {}) {
        const site = await openMinimal(make({ store: client, ...options }), { ...basic, ...routes });
        const headers = async (path: string) => (await fetch(site.url + path)).headers;
        return Object.assign(site.visitor(), { another: () => site.visitor(), headers });
      },
    });
  };
  describe(title, () => {
    it('happens with koa-session-minimal', async () => expect(await run(peer)).toEqual(fault));
    it('does not happen here', async () => expect(await run(ours)).toEqual(right));
  });
}

/** A route that reads its session, reports that, and continues when it may. */
function held(work: (session: Record<string, unknown>) => void): { route: Routes[string]; reached: Gate; go: Gate } {
  const [reached, go] = [gate(), gate()];
  const route: Routes[string] = async (ctx) => {
    void ctx.session.user;
    reached.open();
    await go.opened;
    work(ctx.session);
  };
  return { route, reached, go };
}

const namesIn = (text: string) => Object.keys(JSON.parse(text));

mended('parallel requests lose what each other set', { fault: 2, right: 11 }, async ({ open }) => {
  const together = meeting(10);
  const ann = await open({
    routes: {
      '/add': async (ctx) => {
        void ctx.session.first;
        await together();
        Object.assign(ctx.session, ctx['query']);
      },
    },
  });
  await ann.go('/put?first=1');
  await Promise.all([...'abcdefghij'].map((name) => ann.go(`/add?${name}=1`)));
  return namesIn((await ann.go('/see')).text).length;
});

mended(
  'a slow request brings back a session that has ended',
  { fault: { seen: ['user', 'late'], cookies: 1 }, right: { seen: [], cookies: 0 } },
  async ({ open }) => {
    const slow = held((session) => {
      session['late'] = true;
    });
    const ann = await open({ routes: { '/slow': slow.route } });
    await ann.go('/put?user=ann');
    const cookie = `koa:sess=${ann.cookies.get('koa:sess')}`;
    const late = ann.go('/slow', cookie);
    await slow.reached.opened;
    await ann.go('/logout');
    slow.go.open();
    const { setCookie } = await late;
    return { seen: namesIn((await ann.go('/see', cookie)).text), cookies: setCookie.length };
  },
);

mended(
  'a request that removes the last key ends a session that another request has logged in',
  { fault: [], right: ['user'] },
  async ({ open }) => {
    const slow = held((session) => {
      delete session['flash'];
    });
    const ann = await open({ routes: { '/flash': slow.route } });
    await ann.go('/put?flash=hello');
    const flash = ann.go('/flash');
    await slow.reached.opened;
    await ann.go('/put?user=ann');
    slow.go.open();
    await flash;
    return namesIn((await ann.go('/see')).text);
  },
);

mended(
  'a request with the old id replaces the cookie of a fresh login',
  { fault: ['late'], right: ['a', 'user'] },
  async ({ open }) => {
    const slow = held((session) => {
      session['late'] = true;
    });
    const ann = await open({
      routes: {
        '/slow': slow.route,
        '/login': (ctx) => {
          ctx.sessionHandler.regenerateId();
          ctx.session.user = 'ann';
        },
      },
    });
    await ann.go('/put?a=1');
    const cookie = `koa:sess=${ann.cookies.get('koa:sess')}`;
    await ann.go('/login');
    const late = ann.go('/slow', cookie);
    await slow.reached.opened;
    slow.go.open();
    await late;
    return namesIn((await ann.go('/see')).text);
  },
);

mended(
  'an id that a stranger has chosen is used for the new session',
  { fault: ['koa:sess:the-stranger-knows'], right: [] },
  async ({ client, open }) => {
    const ann = await open();
    await ann.go('/put?user=ann', 'koa:sess=the-stranger-knows');
    return [...client.records.keys()].filter((key) => key.includes('stranger'));
  },
);

mended(
  'the response is sent before the session is stored',
  { fault: 'the answer', right: 'another request' },
  async ({ client, open }) => {
    const [asked, stored] = [gate(), gate()];
    const set = client.set.bind(client);
    client.set = async (...given) => {
      asked.open();
      await stored.opened;
      await set(...given);
    };
    const ann = await open();
    const answer = ann.go('/put?user=ann').then(() => 'the answer');
    await asked.opened;
    const others = async () => {
      for (let i = 0; i < 5; i += 1) await ann.another().go('/see');
      return 'another request';
    };
    const first = await Promise.race([answer, others()]);
    stored.open();
    await answer;
    return first;
  },
);

mended(
  'the changes of a handler that fails are lost',
  { fault: { seen: ['a'], isRenewed: false }, right: { seen: ['a', 'b'], isRenewed: true } },
  async ({ open }) => {
    const ann = await open({
      routes: {
        '/fail': (ctx) => {
          ctx.session.b = 1;
          ctx.sessionHandler.regenerateId();
          throw new Error('a handler failed');
        },
      },
    });
    await ann.go('/put?a=1');
    const id = ann.cookies.get('koa:sess');
    await ann.go('/fail');
    return { seen: namesIn((await ann.go('/see')).text), isRenewed: ann.cookies.get('koa:sess') !== id };
  },
);

mended('a key of a certain name locks the visitor out', { fault: [500, 500], right: [200, 200] }, async ({ open }) => {
  const ann = await open();
  await ann.go('/put?toString=1');
  return [(await ann.go('/see')).status, (await ann.go('/see')).status];
});

mended('a session of nothing but undefined is stored', { fault: [1, 1], right: [0, 0] }, async ({ client, open }) => {
  const ann = await open({
    routes: {
      '/undefined': (ctx) => {
        ctx.session.user = undefined;
      },
    },
  });
  return [(await ann.go('/undefined')).setCookie.length, client.size];
});

mended(
  'a cache may send one visitor’s cookie to another',
  { fault: [null, null], right: ['Cookie', 'no-store'] },
  async ({ open }) => {
    const headers = await (await open()).headers('/put?a=1');
    return [headers.get('vary'), headers.get('cache-control')];
  },
);

mended('a month in memory ends at once', { fault: '{}', right: '{"a":"1"}' }, async ({ open }) => {
  const { setTimeout: real } = globalThis;
  // Node uses one millisecond for a time beyond its timers, and prints a warning.
  jest
    .spyOn(globalThis, 'setTimeout')
    .mockImplementation(((run: () => void, ms: number) => real(run, ms > LONGEST_TIMER ? 1 : ms)) as typeof setTimeout);
  const ann = await open({ options: { store: undefined, cookie: { maxAge: 30 * DAY } } });
  await ann.go('/put?a=1');
  for (let i = 0; i < 5; i += 1) await turn();
  await ann.another().go('/see');
  await new Promise((resolve) => real(resolve, 5));
  jest.restoreAllMocks();
  return (await ann.go('/see')).text;
});

describe('different on purpose', () => {
  afterEach(() => jest.useRealTimers());

  const routes: Routes = {
    ...basic,
    '/date': (ctx) => {
      const known = ctx.session.date instanceof Date;
      ctx.session.date ??= new Date(0);
      return known;
    },
    '/turn': (ctx) => {
      const { a, b } = ctx.session;
      ctx.session = { b, a };
    },
    '/renew': (ctx) => ctx.sessionHandler.regenerateId(),
  };

  const open = async (make: Make, options: minimal.SessionOptions) =>
    (await openMinimal(make(options), routes)).visitor();

  it.each([
    ['keeps dates in memory', peer, 'true'],
    ['has JSON in memory too', ours, 'false'],
  ])('%s', async (_, make, text) => {
    const ann = await open(make, {});
    fakeClock(); // the peer's store would hold the process for a day
    await ann.go('/date');
    expect((await ann.go('/date')).text).toBe(text);
  });

  it.each([
    ['counts another order of keys as unchanged', peer, 0],
    ['counts another order of keys as a change', ours, 1],
  ])('%s', async (_, make, cookies) => {
    const ann = await open(make, { store: new MapClient() });
    await ann.go('/put?a=1&b=2');
    expect((await ann.go('/turn')).setCookie).toHaveLength(cookies);
  });

  it.each([
    ['passes fractions to stores', peer, 60_000.5],
    ['passes whole milliseconds to stores', ours, 60_001],
  ])('%s', async (_, make, ttl) => {
    const store = new MapClient();
    await (await open(make, { store, cookie: { maxAge: 60_000.5 } })).go('/put?a=1');
    expect([...store.ttls.values()]).toEqual([ttl]);
  });

  it.each([
    ['clears the cookie of an unknown id on renewal', peer, 1],
    ['keeps the cookie of an unknown id', ours, 0],
  ])('%s', async (_, make, cookies) => {
    const ann = await open(make, { store: new MapClient() });
    expect((await ann.go('/renew', 'koa:sess=nobodys-id')).setCookie).toHaveLength(cookies);
  });

  it.each([
    ['has ids of 32 characters', peer, 32],
    ['has ids of 24 characters', ours, 24],
  ])('%s', async (_, make, length) => {
    const ann = await open(make, { store: new MapClient() });
    await ann.go('/put?a=1');
    expect(ann.cookies.get('koa:sess')).toHaveLength(length);
  });
});

describe('a store that does not answer', () => {
  afterEach(() => jest.useRealTimers());

  it.each([
    ['never answers the request with koa-session-minimal', peer, DAY, 'waiting'],
    ['fails it after ten seconds here', ours, 10_000, 500],
  ])('%s', async (_, make, ms, outcome) => {
    const asked = gate();
    const get = () => {
      asked.open();
      return new Promise(() => undefined);
    };
    const site = await openMinimal(make({ store: { get, set: get, destroy: get } }), basic);
    fakeClock();
    let answer: number | string = 'waiting';
    const hear = (reply: { status: number }) => {
      answer = reply.status;
    };
    const request = site
      .visitor()
      .go('/see', 'koa:sess=an-id')
      .then(hear, () => undefined);
    await asked.opened;
    await settled();
    await pass(ms);
    if (outcome !== 'waiting') await request;
    expect(answer).toBe(outcome);
  });
});

describe('a store that fails to write', () => {
  const program = (name: string) => `
    const session = require('${name}');
    const Koa = require('koa');
    const app = new Koa();
    app.silent = true;
    app.use(session({ store: { get: () => null, set: () => Promise.reject(new Error('disk full')), destroy: () => null } }));
    app.use((ctx) => { ctx.session.a = 1; ctx.body = 'stored'; });
    const server = app.listen(0, '127.0.0.1', async () => {
      const reply = await fetch('http://127.0.0.1:' + server.address().port);
      console.log(reply.status, await reply.text());
      setTimeout(() => { console.log('still here'); process.exit(); }, 50);
    });`;

  it.each([
    ['ends the process of koa-session-minimal', './spec/interop/node_modules/koa-session-minimal', /disk full/, false],
    ['fails the one request here', './dist/koa-session-minimal', /500 Internal Server Error\nstill here/, true],
  ])('%s', async (_, name, says, survives) => {
    const run = await startNode(['-e', program(name)]);
    await run.says(says);
    await run.end();
    expect(run.output.includes('still here')).toBe(survives);
  });
});
