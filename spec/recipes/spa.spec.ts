import type Koa from 'koa';
import session from '../../lib/main';
import { recipe } from '../helpers/docs/recipe';
import { browser } from '../helpers/http/serve';
import { heardWarnings } from '../helpers/programs/process-warnings';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { interop } from '../interop';

type Cors = (options?: object) => Koa.Middleware;
const cors = interop('@koa/cors') as Cors;

const origin = 'https://app.example';
const https = { 'x-forwarded-proto': 'https' };

/** What browsers do with these headers is shown in spec/long/spa-chromium.spec.ts. */
describe('docs/recipes/spa.md', () => {
  const program = recipe('spa', "require('@koa/cors')");
  let url: string;
  beforeAll(async () => {
    url = await program.start({ PAGE_ORIGIN: origin });
  });
  const allowed = ({ headers }: { headers: Headers }) =>
    ['origin', 'credentials'].map((name) => headers.get(`access-control-allow-${name}`));

  it('sends a cookie for other sites, and lets the page read the answer', async () => {
    const login = await browser(url).post('/login', undefined, { origin, ...https });
    expect([login.status, ...allowed(login)]).toEqual([204, origin, 'true']);
    expect(login.setCookie).toEqual([
      expect.stringMatching(/^koa\.sid=.*; samesite=none; secure; httponly; partitioned$/),
      expect.stringMatching(/^koa\.sid\.sig=.*; samesite=none; secure; httponly; partitioned$/),
    ]);
    const cookie = login.setCookie.map((line) => line.split(';')[0]).join('; ');
    expect((await browser(url).get('/me', { origin, cookie, ...https })).json()).toEqual({ user: 'ann' });
  });

  it('answers the question that browsers ask before a request', async () => {
    const asked = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-csrf-token' };
    const reply = await browser(url).request('OPTIONS', '/me', undefined, asked);
    expect([reply.status, ...allowed(reply), reply.headers.get('access-control-allow-headers')]).toEqual([
      ...[204, origin, 'true', 'x-csrf-token'],
    ]);
    expect(reply.setCookie).toEqual([]);
  });

  it.each(['https://evil.example', 'null', ''])('refuses a form of another origin: %j', async (other) => {
    const reply = await browser(url).post('/login', undefined, { ...(other && { origin: other }), ...https });
    expect([reply.status, reply.setCookie, allowed(reply)[0]]).toEqual([403, [], origin]);
  });
});

describe('docs/recipes/spa.md: a wrong setup', () => {
  const warnings = heardWarnings();
  const open = (...use: Koa.Middleware[]) => closedAfterTest(openSite({ use }));
  const cross = { sameSite: 'none', secure: true } as const;

  it('allows every origin if cors() has none', async () => {
    const site = await open(cors({ credentials: true }));
    const { headers } = await site.visitor().get('/idle', { origin: 'https://evil.example' });
    expect(headers.get('access-control-allow-origin')).toBe('https://evil.example');
  });

  it('warns about a cookie for other sites that is not secure', async () => {
    const site = await open(session({ cookie: { ...cross, secure: false } }));
    await site.visitor().get('/put?user=ann');
    expect(warnings.map(([code]) => code)).toEqual(['KOA_EVENTED_SESSION_INSECURE_COOKIE']);
  });

  it('fails if the cookie is secure and the application does not know of TLS', async () => {
    const site = await open(session({ cookie: cross }));
    expect((await site.visitor().get('/put?user=ann', https)).status).toBe(500);
  });

  it('hides the status of a store that is away if cors() comes after the session', async () => {
    const failing = () => Promise.reject(new Error('away'));
    const store = { get: failing, set: failing, destroy: failing };
    const use = [cors({ origin, credentials: true }), session({ store })];
    const seen: (string | null)[] = [];
    for (const order of [use, [...use].reverse()]) {
      const { headers, status } = await (await open(...order)).visitor().get('/put?user=ann', { origin });
      expect(status).toBe(500);
      seen.push(headers.get('access-control-allow-origin'));
    }
    expect(seen).toEqual([origin, null]);
  });
});
