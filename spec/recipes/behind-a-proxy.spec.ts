import { readFileSync } from 'node:fs';

import http = require('node:http');
import https = require('node:https');

import type { Socket } from 'node:net';
import Koa from 'koa';
import { cookieStore } from '../../lib/cookie';
import session from '../../lib/main';
import { codeBlocks } from '../helpers/docs/markdown';
import { recipe } from '../helpers/docs/recipe';
import { type Served, serve } from '../helpers/http/serve';
import { type Certificate, makeCertificate } from '../helpers/network/certificate';
import { type Nginx, startNginx } from '../helpers/network/nginx';
import { until } from '../helpers/time/until';

const blocks = codeBlocks('docs/recipes/behind-a-proxy.md');
const textWith = (part: string) => String(blocks.find(({ code }) => code.includes(part))?.code);
const program = textWith('app.listen(3000');
const configuration = textWith('listen 443 ssl');

type Edit = readonly [text: string | RegExp, by: string];

/** The text with each change made everywhere. A change that finds nothing is a mistake of the spec. */
function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, [from, by]) => {
    const after = before.replaceAll(from, () => by);
    if (after === before) throw new Error(`${from} is not in the page`);
    return after;
  }, text);
}

/** The application of the page, with changes. */
function appWith(...edits: Edit[]): Koa {
  const source = edited(program, [[/^\/\/ Only this[\s\S]*/gm, 'return app;'], ...edits]);
  const packages: Record<string, unknown> = { koa: Koa, 'koa-evented-session': session };
  const env = { SESSION_SECRET: 'the secret of the specs, of 36 bytes' };
  return new Function('require', 'process', source)((name: string) => packages[name], { env });
}

/** Stores the session of a visitor once, then reads it, and numbers the pages that it makes. */
function appThatReads(...edits: Edit[]): Koa {
  return appWith(
    ...edits,
    [/ctx\.session\.views = .*/g, 'ctx.session.user ??= 1; app.pages = (app.pages ?? 0) + 1;'],
    ['views: ctx.session.views', 'views: app.pages'],
  );
}

/** Answers with headers of more than 4 kB: the session travels in its cookie. */
function appWithLargeCookie(): Koa {
  const app = new Koa();
  app.proxy = true;
  app.use(session({ store: cookieStore({ keys: ['ab'.repeat(64)] }) }));
  return app.use((ctx) => {
    Object.assign(ctx.session as session.Session, { basket: 'x'.repeat(2500) });
    ctx.set('X-More', 'x'.repeat(500));
    ctx.body = {};
  });
}

const withoutProxy: Edit = ['app.proxy = true;', ''];
const withoutSecure: Edit = [/key: '__Host-sid', cookie: .*?\} /g, "key: 'sid' "];
const counting = (statement: string): Edit => ['app.maxIpsCount = 1;', statement];
const byOneHeader: Edit = ['app.proxy = true;', "app.proxy = true; app.proxyIpHeader = 'X-Real-IP';"];
const noStore: Edit = ['ctx.body = {', "ctx.set('Cache-Control', 'no-store'); ctx.body = {"];

const without = (line: string): Edit => [new RegExp(`${line} .*`, 'g'), ''];
const addsAddress: Edit = ['X-Forwarded-For $remote_addr', 'X-Forwarded-For $proxy_add_x_forwarded_for'];
/** The port without TLS does the same as the one with it. */
const servesPlainly: Edit = [
  'return 301 https://$host$request_uri;',
  String(/^ {2}location[\s\S]*?^ {2}\}/m.exec(configuration)),
];
const passesOn: Edit[] = [
  servesPlainly,
  ...textWith('$http_x_forwarded_proto')
    .trim()
    .split('\n')
    .map((line): Edit => [new RegExp(`${line.split(' ', 2).join(' ')} .*`, 'g'), line]),
];
const also = (more: string): Edit => ['proxy_pass http://shop;', `proxy_pass http://shop; ${more}`];
const caches = 'proxy_cache pages; proxy_cache_valid 200 1m;';

interface Site {
  /** Changes to the configuration of the page. */
  edits?: Edit[];
  /** The application behind nginx; default: that of the page. */
  app?: () => Koa;
  /** Instead of an application: another site, by plain HTTP. */
  behind?: string;
}

const sites: Record<string, Site> = {
  right: {},
  'no app.proxy': { app: () => appWith(withoutProxy) },
  'no app.proxy, no secure': { app: () => appWith(withoutProxy, withoutSecure) },
  'no X-Forwarded-Proto': { edits: [servesPlainly, without('proxy_set_header X-Forwarded-Proto')] },
  'X-Forwarded-Proto outside of the location': {
    edits: [
      without('proxy_set_header X-Forwarded-Proto'),
      ['location / {', 'proxy_set_header X-Forwarded-Proto $scheme;\nlocation / {'],
    ],
  },
  'no X-Forwarded-Host': { edits: [without('proxy_set_header X-Forwarded-Host')] },
  'no maxIpsCount': { edits: [addsAddress], app: () => appWith(counting('')) },
  maxIpsCount: { edits: [addsAddress] },
  'inner, with its own scheme': { edits: [servesPlainly] },
  'outer of that': { behind: 'inner, with its own scheme' },
  inner: { edits: passesOn, app: () => appWith(counting('app.maxIpsCount = 2;')) },
  outer: { edits: [addsAddress], behind: 'inner' },
  'inner, counting 1': { edits: passesOn },
  'outer, counting 1': { edits: [addsAddress], behind: 'inner, counting 1' },
  'inner, not counting': { edits: passesOn, app: () => appWith(counting('')) },
  'outer, not counting': { edits: [addsAddress], behind: 'inner, not counting' },
  'inner, one header': { edits: passesOn, app: () => appWith(byOneHeader, counting('')) },
  'outer, one header': {
    edits: [addsAddress, also('proxy_set_header X-Real-IP $remote_addr;')],
    behind: 'inner, one header',
  },
  'no keepalive': { edits: [without('proxy_set_header Connection'), without('proxy_http_version')] },
  'cache that ignores headers': { edits: [also(`${caches} proxy_ignore_headers Set-Cookie Cache-Control Vary;`)] },
  cache: { edits: [also(caches)], app: () => appThatReads() },
  'cache, no-store': { edits: [also(caches)], app: () => appThatReads(noStore) },
  'large cookie': { app: appWithLargeCookie },
  'large cookie, small buffers': { edits: [[/proxy_buffer.*/g, '']], app: appWithLargeCookie },
  'small headers': { edits: [without('large_client_header_buffers')] },
};

interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  body: { views: number; secure: boolean; host: string; ip: string };
  /** For the header Cookie. */
  cookie: string;
}

const page = recipe('behind-a-proxy', 'app.listen(3000');
const served: Record<string, Served> = {};
const ports: Record<string, { plain: number; tls: number }> = {};
/** What applications have reported since the test began. */
const failures: string[] = [];
let certificate: Certificate;
let ca: Buffer;
let nginx: Nginx;

beforeAll(async () => {
  certificate = await makeCertificate();
  ca = readFileSync(certificate.cert);
  const upstream: Record<string, number> = { page: Number(new URL(await page.start()).port) };
  for (const [name, { app = appWith, behind }] of Object.entries(sites)) {
    if (behind) continue;
    const site = await serve(app().on('error', ({ message }: Error) => failures.push(message)));
    served[name] = site;
    upstream[name] = site.port;
  }
  const names = ['page', ...Object.keys(sites)];
  nginx = await startNginx(2 * names.length, (free) => {
    for (const name of names) ports[name] = { plain: Number(free.pop()), tls: Number(free.pop()) };
    const servers = names.map((name) => {
      const { edits = [], behind } = sites[name] ?? {};
      return serverOf(name, edits, behind ? portOf(behind, 'plain') : Number(upstream[name]));
    });
    return `proxy_cache_path cache keys_zone=pages:1m;\n${servers.join('\n')}`;
  });
});
beforeEach(() => {
  failures.length = 0;
});
afterAll(async () => {
  await nginx?.stop();
  await Promise.all(Object.values(served).map((site) => site.close()));
  await certificate?.remove();
});

/** The configuration of the page, with changes, and with names and ports of this machine. */
function serverOf(name: string, edits: readonly Edit[], port: number): string {
  const { plain, tls } = ports[name] as { plain: number; tls: number };
  return edited(configuration, [
    ...edits,
    ['127.0.0.1:3000', `127.0.0.1:${port}`],
    ['upstream shop', `upstream shop-${tls}`],
    ['http://shop', `http://shop-${tls}`],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`],
    ['/etc/ssl/shop.pem', certificate.cert],
    ['/etc/ssl/shop.key', certificate.key],
  ]);
}

const portOf = (name: string, scheme: 'plain' | 'tls' = 'tls') => Number(ports[name]?.[scheme]);

function request(
  client: typeof http | typeof https,
  port: number,
  options: https.RequestOptions,
  whenSent: () => void = () => undefined,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { headers, ...rest } = options;
    const all = { host: 'shop.example.com', ...headers };
    const sent = client.request({ host: '127.0.0.1', port, ca, servername: 'localhost', ...rest, headers: all });
    sent.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => {
        const cookie = (response.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ');
        const body = text.startsWith('{') ? JSON.parse(text) : {};
        resolve({ status: Number(response.statusCode), headers: response.headers, text, body, cookie });
      });
    });
    sent.once('finish', whenSent).end();
  });
}

const ask = (site: string, headers: http.OutgoingHttpHeaders = {}) => request(https, portOf(site), { headers });
const askPlainly = (site: string, headers: http.OutgoingHttpHeaders = {}) =>
  request(http, portOf(site, 'plain'), { headers });

const forged = {
  'x-forwarded-for': '198.51.100.6',
  'x-forwarded-host': 'thief.example',
  'x-forwarded-proto': 'https',
};
const right = { secure: true, host: 'shop.example.com', ip: '127.0.0.1' };
const refusal = expect.stringContaining('behind a proxy that terminates TLS set `app.proxy = true`');

describe('The program and the configuration of the page', () => {
  it('keep a session in a Secure cookie, and know the visitor', async () => {
    const first = await ask('page');
    expect(first.body).toEqual({ views: 1, ...right });
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(/^__Host-sid=.+; secure; httponly/),
      expect.stringMatching(/^__Host-sid\.sig=.+; secure; httponly/),
    ]);
    expect((await ask('page', { cookie: first.cookie })).body.views).toBe(2);
  });

  it('believe nothing that the client says of itself', async () => {
    expect((await ask('page', forged)).body).toEqual({ views: 1, ...right });
  });

  it('lead from plain HTTP to TLS', async () => {
    const { status, headers } = await askPlainly('page');
    expect([status, headers.location]).toEqual([301, 'https://shop.example.com/']);
  });

  it('listen on this machine only', () => {
    expect(program).toContain("app.listen(3000, '127.0.0.1')");
  });
});

describe('A wrong setup:', () => {
  it('without app.proxy, a session is a 500 that says what to do', async () => {
    expect((await ask('no app.proxy')).status).toBe(500);
    expect(failures).toEqual([refusal]);
  });

  it('without app.proxy and secure, the cookie is sent in the clear too', async () => {
    const { body, headers } = await ask('no app.proxy, no secure');
    expect([body.secure, body.ip]).toEqual([false, '127.0.0.1']);
    expect(headers['set-cookie']?.join()).not.toMatch(/secure/i);
  });

  it('without X-Forwarded-Proto, a session is a 500, unless the client itself sends the header', async () => {
    expect((await ask('no X-Forwarded-Proto')).status).toBe(500);
    expect(failures).toEqual([refusal]);
    const { body, headers } = await askPlainly('no X-Forwarded-Proto', forged);
    expect([body.secure, headers['set-cookie']?.length]).toEqual([true, 2]);
  });

  it('with X-Forwarded-Proto outside of a location that sets other headers, a session is a 500', async () => {
    expect((await ask('X-Forwarded-Proto outside of the location')).status).toBe(500);
    expect(failures).toEqual([refusal]);
  });

  it('without X-Forwarded-Host, the client chooses ctx.host', async () => {
    expect((await ask('no X-Forwarded-Host', forged)).body.host).toBe('thief.example');
  });

  it('with $proxy_add_x_forwarded_for, the client chooses ctx.ip unless addresses are counted', async () => {
    expect((await ask('no maxIpsCount', forged)).body.ip).toBe('198.51.100.6');
    expect((await ask('maxIpsCount', forged)).body.ip).toBe('127.0.0.1');
  });

  it('without nginx in between, the client chooses everything', async () => {
    const { body, headers } = await request(http, Number(served['right']?.port), { headers: forged });
    expect(body).toEqual({ views: 1, secure: true, host: 'thief.example', ip: '198.51.100.6' });
    expect(headers['set-cookie']).toHaveLength(2);
  });
});

describe('Two proxies', () => {
  it('are a 500 if the inner one names its own scheme', async () => {
    expect((await ask('outer of that')).status).toBe(500);
    expect(failures).toEqual([refusal]);
  });

  it('work if the inner one passes on what the outer one says, and two addresses count', async () => {
    expect((await ask('outer', forged)).body).toEqual({ views: 1, ...right });
  });

  it('show the address of the outer one if one address counts, and any if none does', async () => {
    // Here the outer proxy has the address of the visitor, so the header tells them apart.
    const own = { 'x-forwarded-for': '198.51.100.6' };
    expect((await ask('outer, not counting', own)).body.ip).toBe('198.51.100.6');
    expect((await ask('outer, counting 1', own)).body.ip).toBe('127.0.0.1');
  });

  it('work with a header of one value', async () => {
    expect((await ask('outer, one header', { ...forged, 'x-real-ip': '198.51.100.6' })).body).toMatchObject(right);
  });
});

describe('Idle connections', () => {
  it.each([
    ['right', 1],
    ['no keepalive', 4],
  ])('to the application are used again, or not: %s', async (site, expected) => {
    let opened = 0;
    served[site]?.server.on('connection', () => {
      opened += 1;
    });
    for (let n = 0; n < 4; n += 1) expect((await ask(site)).status).toBe(200);
    expect(opened).toBe(expected);
  });

  it.each([
    ['POST', 502],
    ['GET', 200],
  ])('may be closed by the application while a %s comes', async (method, expected) => {
    const server = served['right']?.server as http.Server;
    const opened: Socket[] = [];
    server.on('connection', (socket) => opened.push(socket));
    // Those of earlier requests.
    server.closeIdleConnections();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      await request(https, portOf('right'), { agent });
      nginx.signal('SIGSTOP');
      let isSent = false;
      const answer = request(https, portOf('right'), { agent, method }, () => {
        isSent = true;
      });
      await until(() => isSent);
      // As at the end of keepAliveTimeout.
      server.closeIdleConnections();
      await until(() => opened.every(({ destroyed }) => destroyed));
      nginx.signal('SIGCONT');
      expect((await answer).status).toBe(expected);
    } finally {
      nginx.signal('SIGCONT');
      agent.destroy();
    }
    if (expected === 502) expect(nginx.log).toContain('upstream prematurely closed connection');
  });

  it('end after five seconds by default, and in the program of the page after nginx has ended them', () => {
    expect(http.createServer().keepAliveTimeout).toBe(5000);
    expect(program).toContain('server.keepAliveTimeout = 65_000;');
  });
});

describe('A cache of nginx', () => {
  it('gives the session of one visitor to another if it ignores headers', async () => {
    const [first, second] = [await ask('cache that ignores headers'), await ask('cache that ignores headers')];
    expect([second.body.views, second.cookie === first.cookie]).toEqual([1, true]);
    expect(second.cookie).toMatch(/__Host-sid=/);
  });

  it('otherwise keeps visitors apart, but may keep the page of one', async () => {
    const [first, second] = [await ask('cache'), await ask('cache')];
    expect(second.cookie === first.cookie).toBe(false);
    const number = async (cookie: string) => (await ask('cache', { cookie })).body.views;
    expect([await number(first.cookie), await number(first.cookie), await number(second.cookie)]).toEqual([3, 3, 4]);
  });

  it('keeps no page with no-store', async () => {
    const { cookie } = await ask('cache, no-store');
    const number = async () => (await ask('cache, no-store', { cookie })).body.views;
    expect([await number(), await number()]).toEqual([2, 3]);
  });
});

describe('Large headers', () => {
  it('of a response are a 502 with the default buffers', async () => {
    expect((await ask('large cookie, small buffers')).status).toBe(502);
    expect(nginx.log).toContain('upstream sent too big header');
    expect((await ask('large cookie')).status).toBe(200);
  });

  it('of a request are a 400 with the default buffers, and a 431 of Node above 16 kB', async () => {
    const cookies = (length: number) => ({ cookie: `other=${'x'.repeat(length)}` });
    const small = await ask('small headers', cookies(9000));
    expect([small.status, small.text]).toEqual([400, expect.stringContaining('Request Header Or Cookie Too Large')]);
    expect((await ask('page', cookies(9000))).status).toBe(200);
    expect((await ask('page', cookies(16_300))).status).toBe(431);
  });
});
