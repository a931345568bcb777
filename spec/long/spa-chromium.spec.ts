import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Koa from 'koa';
import { chromium, type Page } from 'playwright-core';
import session, { type CookieOptions } from '../../lib/main';
import { findProgram } from '../../scripts/find-program';
import { codeBlocks } from '../helpers/docs/markdown';
import { recipe } from '../helpers/docs/recipe';
import { type Certificate, makeCertificate } from '../helpers/network/certificate';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';
import { interop } from '../interop';

const cors = interop('@koa/cors') as (options?: object) => Koa.Middleware;

let certificate: Certificate;
const servers: Server[] = [];
beforeAll(async () => {
  certificate = await makeCertificate();
});
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});
afterAll(() => certificate.remove());

/** Serves over TLS on a free port. */
async function serveTls(listener: RequestListener): Promise<number> {
  const [cert, key] = [readFileSync(certificate.cert), readFileSync(certificate.key)];
  const server = createServer({ cert, key }, listener);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A proxy that ends TLS in front of an application. */
const proxyTo =
  (target: string): RequestListener =>
  (req, res) => {
    const headers = { ...req.headers, 'x-forwarded-proto': 'https' };
    const onwards = request(target + req.url, { method: req.method ?? 'GET', headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(res);
    });
    req.pipe(onwards);
  };

describe('docs/recipes/spa.md in Chromium', () => {
  /** The page's own code. */
  const script =
    codeBlocks('docs/recipes/spa.md').find(({ code }) => code.includes('async function logIn'))?.code ?? '';
  const program = recipe('spa', "require('@koa/cors')");

  /** Blocks third-party cookies, unless its profile says otherwise. */
  let blocking: Chromium;
  beforeAll(async () => {
    blocking = await startChromium();
  });
  const opened: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((close) => close()));
    await program.end();
    await blocking.forget();
  });
  afterAll(() => blocking.close());

  /** A page of a browser that allows third-party cookies. */
  async function allowingPage(): Promise<Page> {
    const folder = await mkdtemp(join(tmpdir(), 'spec-profile-'));
    await mkdir(join(folder, 'Default'));
    const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
    await writeFile(join(folder, 'Default/Preferences'), JSON.stringify(preferences));
    const executablePath = findProgram('chromium') ?? 'chromium';
    const options = { executablePath, args: ['--no-sandbox', '--disable-gpu'], ignoreHTTPSErrors: true };
    const context = await chromium.launchPersistentContext(folder, options);
    opened.push(async () => {
      await context.close();
      await rm(folder, { recursive: true });
    });
    return context.newPage();
  }

  /** Serves an empty page; its origin. `127.0.0.1` is another site than `localhost`. */
  async function pageAt(host: string): Promise<string> {
    const port = await serveTls((_req, res) => res.setHeader('content-type', 'text/html').end('<!doctype html>'));
    return `https://${host}:${port}`;
  }

  /** What the page's code finds out, or the error of `fetch`. */
  async function ask(page: Page, origin: string, api: string, code = script): Promise<unknown> {
    await page.goto(origin);
    return page.evaluate(`{ ${code}; logIn(${JSON.stringify(api)}).catch((error) => error.message); }`);
  }

  /** The same in a new browser that blocks third-party cookies, and what its console says. */
  async function visit(origin: string, api: string, code = script) {
    const outcome = await ask(await blocking.open({ ignoreHTTPSErrors: true }), origin, api, code);
    return { outcome, complaints: blocking.complaints().join('\n') };
  }

  async function apiOfPage(origin: string): Promise<string> {
    return `https://localhost:${await serveTls(proxyTo(await program.start({ PAGE_ORIGIN: origin })))}`;
  }

  /** An API with another setup. */
  async function apiWith(cookie: CookieOptions, ...before: Koa.Middleware[]): Promise<string> {
    const routes = {
      '/login': async (ctx: Koa.Context) => {
        await ctx.regenerateSession();
        (await sessionOf(ctx))['user'] = 'ann';
      },
      '/me': (ctx: Koa.Context) => ({ user: ctx.session?.['user'] ?? null }),
    };
    const site = await closedAfterTest(openSite({ use: [...before, session({ cookie })], routes }));
    site.app.proxy = true;
    return `https://localhost:${await serveTls(proxyTo(site.url))}`;
  }
  const cross = { sameSite: 'none', secure: true } as const;
  const nobody = { user: null };
  const ann = { user: 'ann' };

  it('logs in from another site, also if the browser blocks third-party cookies', async () => {
    const origin = await pageAt('127.0.0.1');
    const api = await apiOfPage(origin);
    expect(await visit(origin, api)).toEqual({ outcome: ann, complaints: '' });
    expect(await ask(await allowingPage(), origin, api)).toEqual(ann);
  });

  it('needs `partitioned`: such a browser drops a cookie that is not partitioned, silently', async () => {
    const origin = await pageAt('127.0.0.1');
    const api = await apiWith(cross, cors({ origin, credentials: true }));
    expect(await ask(await allowingPage(), origin, api)).toEqual(ann);
    expect(await visit(origin, api)).toEqual({ outcome: nobody, complaints: '' });
  });

  it('has a separate session on a page of the API itself', async () => {
    const origin = await pageAt('127.0.0.1');
    const api = await apiOfPage(origin);
    const page = await blocking.open({ ignoreHTTPSErrors: true });
    await page.goto(origin);
    expect(await page.evaluate(`{ ${script}; logIn(${JSON.stringify(api)}); }`)).toEqual(ann);
    await page.goto(`${api}/me`);
    expect(JSON.parse(await page.innerText('body'))).toEqual(nobody);
  });

  it('works with `lax` between two origins of one site', async () => {
    const origin = await pageAt('localhost');
    const api = await apiWith({ secure: true }, cors({ origin, credentials: true }));
    expect((await visit(origin, api)).outcome).toEqual(ann);
  });

  it.each<[string, CookieOptions]>([
    ['for one site: lax', { sameSite: 'lax', secure: true }],
    ['for one site: strict', { sameSite: 'strict', secure: true }],
    ['not secure', { sameSite: 'none', secure: false }],
  ])('drops a cookie that is %s, silently', async (_what, cookie) => {
    const origin = await pageAt('127.0.0.1');
    const api = await apiWith(cookie, cors({ origin, credentials: true }));
    const page = await allowingPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    expect([await ask(page, origin, api), complaints]).toEqual([nobody, []]);
  });

  it('neither keeps nor sends the cookie if fetch has no `credentials`', async () => {
    const origin = await pageAt('127.0.0.1');
    const api = await apiOfPage(origin);
    const without = script.replaceAll(/,? *credentials: 'include'/g, '');
    expect(await visit(origin, api, without)).toEqual({ outcome: nobody, complaints: '' });
  });

  it.each([
    ['no `credentials`', (origin: string) => cors({ origin }), 'Access-Control-Allow-Credentials'],
    [
      'a slash at the end',
      (origin: string) => cors({ origin: `${origin}/`, credentials: true }),
      'Access-Control-Allow-Origin',
    ],
    ['another port', () => cors({ origin: 'https://127.0.0.1', credentials: true }), 'Access-Control-Allow-Origin'],
    [
      'the wildcard',
      (): Koa.Middleware => (ctx, next) => {
        ctx.set('Access-Control-Allow-Origin', '*');
        return next();
      },
      'must not be the wildcard',
    ],
  ])('fails in fetch with %s, and the login has happened', async (_what, middleware, complaint) => {
    const origin = await pageAt('127.0.0.1');
    let logins = 0;
    const count: Koa.Middleware = (ctx, next) => {
      if (ctx.path === '/login') logins += 1;
      return next();
    };
    const api = await apiWith(cross, middleware(origin), count);
    const { outcome, complaints } = await visit(origin, api);
    expect([outcome, logins]).toEqual(['Failed to fetch', 1]);
    expect(complaints).toContain(complaint);
  });

  it('lets every site act in the name of the visitor if cors() has no origin', async () => {
    const api = await apiWith(cross, cors({ credentials: true }));
    const page = await allowingPage();
    expect(await ask(page, await pageAt('127.0.0.1'), api)).toEqual(ann);
    const me = script.replace(/^.*`\$\{api\}\/login`.*\n/m, '');
    expect(await ask(page, await pageAt('evil.localhost'), api, me)).toEqual(ann);
  });

  it('carries out a form of another site, with the cookie, unless it compares the origin', async () => {
    const origin = await pageAt('127.0.0.1');
    const form = (api: string) =>
      `document.body.innerHTML = '<form method="post" action="${api}/me"></form>'; document.forms[0].submit();`;
    const answers: unknown[] = [];
    for (const api of [await apiWith(cross, cors({ origin, credentials: true })), await apiOfPage(origin)]) {
      const page = await allowingPage();
      expect(await ask(page, origin, api)).toEqual(ann);
      await page.goto(await pageAt('evil.localhost'));
      const answer = page.waitForResponse(`${api}/me`);
      await page.evaluate(form(api));
      const response = await answer;
      answers.push([response.status(), (await response.text()).slice(0, 14)]);
    }
    expect(answers).toEqual([
      [200, '{"user":"ann"}'],
      [403, 'unknown origin'],
    ]);
  });
});
