import type Koa from 'koa';
import type session from '../../lib/main';
import type { SessionError } from '../../lib/main';
import { textOf } from '../helpers/docs/markdown';
import { heardDebugLines } from '../helpers/programs/debug-lines';
import { fresh, heardWarnings } from '../helpers/programs/process-warnings';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { openSite, type Routes, type Site, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';

const PAGE = 'docs/troubleshooting.md';
const told = heardDebugLines();
const warnings = heardWarnings();

/** The row of the page that has this in its first cell, below this heading. */
function rowOf(heading: string, seen: string): string {
  const section =
    textOf(PAGE)
      .split(/^## /m)
      .find((each) => each.startsWith(heading)) ?? '';
  return section.split('\n').find((line) => line.startsWith('| ') && line.split(' | ')[0]?.includes(seen)) ?? '';
}

/** A site whose visitor has logged in, and its store. */
async function memberOf(options: session.SessionOptions = {}, routes: Routes = {}) {
  const store = new MapClient();
  const site = await siteWith({ store, ...options }, routes);
  const visitor = site.visitor();
  await visitor.get('/put?user=ann');
  told();
  return { store, site, visitor };
}

const lastCode = ({ errors }: Site) => (errors.at(-1) as SessionError | undefined)?.code;

/** A site on a module that has warned of nothing yet. */
function warningSite(routes: Routes, options: session.SessionOptions = {}, times = 1) {
  // Its own `debug` would print.
  delete process.env['DEBUG'];
  const make = fresh(() => require('../../lib/main') as typeof session);
  return closedAfterTest(openSite({ use: Array.from({ length: times }, () => make(options)), routes }));
}

/** Each shows what a reader sees: a line, a code, a warning, or how the request ends. */
const scenarios: Record<string, [heading: string, seen: string, play: () => Promise<unknown>, result: unknown][]> = {
  'debug output': [
    [
      'Logged out at random',
      'refused: the signature of the cookie is wrong or missing',
      async () => {
        const { store, visitor } = await memberOf();
        const other = await siteWith({ store }, {}, { keys: ['another key of the specs, of more than 32 bytes'] });
        await other.visitor().get('/see', { cookie: await visitor.jar.getCookieString(other.url) });
        return told()[0]?.replace('session ', '');
      },
      'refused: the signature of the cookie is wrong or missing',
    ],
    [
      'Logged out at random',
      '`missed`, for many',
      async () => {
        const { store, visitor } = await memberOf();
        store.records.clear();
        await visitor.get('/see');
        return told();
      },
      ['session missed'],
    ],
    [
      'Logged out at random',
      '`invalid`',
      async () => {
        let isValid = true;
        const { visitor } = await memberOf({ valid: () => isValid });
        isValid = false;
        await visitor.get('/see');
        return told()[0];
      },
      'session invalid',
    ],
    [
      'Logged out at random',
      '`expired`',
      async () => {
        let ttl = 1000;
        const { visitor } = await memberOf({ ttl: () => ttl });
        ttl = -1;
        await visitor.get('/put?more=1');
        return told();
      },
      expect.arrayContaining(['session expired']),
    ],
    [
      'Logged out at random',
      'no line at all',
      async () => {
        const { site } = await memberOf();
        await site.visitor().get('/see');
        return told();
      },
      [],
    ],
    [
      'The cookie is not set',
      'no `created` in the debug output',
      async () => {
        const site = await siteWith({});
        const reply = await site.visitor().get('/see');
        return [reply.status, setCookieOf(reply), told()];
      },
      [200, undefined, []],
    ],
    [
      'Slow',
      'waited for the answer to "get": … ms',
      async () => {
        const { store, visitor } = await memberOf();
        const get = store.get.bind(store);
        store.get = (key) => new Promise((resolve) => setTimeout(() => resolve(get(key)), 60));
        await visitor.get('/see');
        return told().map((line) => line.replace(/\d+/, '…'));
      },
      expect.arrayContaining(['store waited for the answer to "get": … ms']),
    ],
    [
      'Slow',
      'written: … bytes, attempts: …',
      async () => {
        const { visitor } = await memberOf();
        await visitor.get('/put?more=1');
        return told();
      },
      expect.arrayContaining(['session written: some bytes, attempts: 1']),
    ],
  ],
  'error code': [
    [
      'The cookie is not set',
      'ERR_SESSION_COOKIE',
      async () => {
        const site = await siteWith({ cookie: { secure: true } });
        const { status } = await site.visitor().get('/put?a=1');
        return [status, lastCode(site)];
      },
      [500, 'ERR_SESSION_COOKIE'],
    ],
    [
      'The cookie is not set',
      'ERR_SESSION_KEYS',
      async () => {
        const site = await siteWith({}, {}, { keys: [] });
        const { status } = await site.visitor().get('/put?a=1');
        return [status, lastCode(site)];
      },
      [500, 'ERR_SESSION_KEYS'],
    ],
    [
      'Answers with 500 or 503',
      'session store is unavailable: …',
      async () => {
        const store = new EmittingClient();
        const { site, visitor } = await memberOf({ store, reconnectTimeout: 0 });
        store.emit('disconnect', new Error('connect ECONNREFUSED'));
        const { status } = await visitor.get('/see');
        return [status, lastCode(site), site.errors.at(-1)?.message, told()];
      },
      [
        500,
        'ERR_SESSION_STORE_UNAVAILABLE',
        expect.stringMatching(/^session store is unavailable/),
        expect.arrayContaining(['store disconnect']),
      ],
    ],
    [
      'Answers with 500 or 503',
      'ERR_SESSION_STORE_TIMEOUT',
      async () => {
        const { store, site, visitor } = await memberOf({ timeout: 60 });
        store.get = () => new Promise(() => undefined);
        await visitor.get('/see');
        return lastCode(site);
      },
      'ERR_SESSION_STORE_TIMEOUT',
    ],
    [
      'The session is not saved',
      'ERR_SESSION_DEFERRED',
      async () => {
        const set = (ctx: Koa.Context) => Object.assign(ctx.session as object, { user: 'ann' }) && undefined;
        const site = await siteWith({ defer: true }, { '/set': set });
        await site.visitor().get('/set');
        return lastCode(site);
      },
      'ERR_SESSION_DEFERRED',
    ],
  ],
  'process warning': [
    [
      'The session is not saved',
      'KOA_EVENTED_SESSION_IGNORED',
      async () => {
        const site = await warningSite({}, {}, 2);
        await site.visitor().get('/put?a=1');
        return warnings.map(([code]) => code);
      },
      ['KOA_EVENTED_SESSION_IGNORED'],
    ],
    [
      'The session is not saved',
      'KOA_EVENTED_SESSION_UNKNOWN_OPTION',
      async () => {
        await warningSite({}, { maxage: 1000 } as session.SessionOptions);
        return warnings.map(([code]) => code);
      },
      ['KOA_EVENTED_SESSION_UNKNOWN_OPTION'],
    ],
    [
      'The cookie is not set',
      'KOA_EVENTED_SESSION_INSECURE_COOKIE',
      async () => {
        const site = await warningSite({}, { cookie: { sameSite: 'none' } });
        await site.visitor().get('/put?a=1');
        return warnings.map(([code]) => code);
      },
      ['KOA_EVENTED_SESSION_INSECURE_COOKIE'],
    ],
    [
      'Logged in twice, or as somebody else',
      'KOA_EVENTED_SESSION_SHARED_CACHE',
      async () => {
        const share = async (ctx: Koa.Context) => {
          Object.assign(await sessionOf(ctx), { a: 1 });
          ctx.set('Cache-Control', 'public, max-age=60');
        };
        const site = await warningSite({ '/share': share });
        await site.visitor().get('/share');
        return warnings.map(([code]) => code);
      },
      ['KOA_EVENTED_SESSION_SHARED_CACHE'],
    ],
  ],
  answer: [
    [
      'The session is not saved',
      'after the login the session is empty',
      async () => {
        const login = async (ctx: Koa.Context) => {
          void ctx.regenerateSession();
          Object.assign(await sessionOf(ctx), { user: 'bea' });
        };
        const { visitor } = await memberOf({}, { '/login': login });
        await visitor.get('/login');
        return (await visitor.get('/see')).json();
      },
      {},
    ],
    [
      'The session is not saved',
      'comes back as `{}` or text',
      async () => {
        const fill = async (ctx: Koa.Context) => {
          Object.assign(await sessionOf(ctx), { map: new Map([[1, 2]]), date: new Date(0) });
        };
        const { visitor } = await memberOf({}, { '/fill': fill });
        await visitor.get('/fill');
        return (await visitor.get('/see')).json();
      },
      { user: 'ann', map: {}, date: '1970-01-01T00:00:00.000Z' },
    ],
    [
      'Changes are lost',
      'keys vanish',
      async () => {
        const replace = (ctx: Koa.Context) => {
          ctx.session = { theme: 'dark' };
        };
        const { visitor } = await memberOf({}, { '/replace': replace });
        await visitor.get('/replace');
        return (await visitor.get('/see')).json();
      },
      { theme: 'dark' },
    ],
    [
      'The CSRF token or the OAuth state is missing',
      'the callback of the login has no `state`',
      async () => {
        const { site, visitor } = await memberOf();
        // What a browser sends with a POST from another site.
        return visitor.jar.getCookieString(site.url, { sameSiteContext: 'none' });
      },
      '',
    ],
    [
      'The CSRF token or the OAuth state is missing',
      'before the login and missing after it',
      async () => {
        const login = async (ctx: Koa.Context) => {
          await ctx.regenerateSession();
          Object.assign(await sessionOf(ctx), { user: 'bea' });
        };
        const { visitor } = await memberOf({}, { '/login': login });
        await visitor.get('/put?token=1');
        await visitor.get('/login');
        return (await visitor.get('/see')).json();
      },
      { user: 'bea' },
    ],
  ],
};

describe.each(Object.entries(scenarios))(`what docs/troubleshooting.md says that a reader sees: %s`, (_kind, cases) => {
  it.each(cases)('%s: %s', async (heading, seen, play, result) => {
    expect(rowOf(heading, seen)).not.toBe('');
    expect(await play()).toEqual(result);
  });
});

describe(PAGE, () => {
  it('names checks of doctor that exist', () => {
    const lines = textOf(PAGE)
      .split('\n')
      .filter((line) => /\bchecks? `/.test(line));
    const named = lines.flatMap((line) =>
      [...line.matchAll(/checks? ((?:`[\w ]+`(?: and )?)+)/g)].flatMap(
        ([, list = '']) => list.match(/[\w ]+(?=`)/g) ?? [],
      ),
    );
    const known = textOf('docs/running.md').match(/^\| ([\w ]+) \|/gm) ?? [];
    const checks = known.map((row) => row.replace(/^\| | \|$/g, ''));
    expect(named.filter((name) => name !== ' and ' && !checks.includes(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(5);
  });

  it('lists its symptoms at the top', () => {
    const text = textOf(PAGE);
    const listed = [...text.matchAll(/^- \[(.+)\]\(#/gm)].map(([, title]) => title);
    expect(listed).toEqual([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title));
  });
});
