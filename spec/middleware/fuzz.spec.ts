import { MemoryStore, type SessionOptions } from '../../lib/main';
import { cookieNoise, randomFrom } from '../helpers/http/cookie-noise';
import { KeepAlive } from '../helpers/http/kept-connection';
import { siteWith } from '../helpers/sites/open-sites';
import { sentId, sessionOf } from '../helpers/sites/session-site';

const SEED = Number(process.env['SEED'] ?? 20_300_101);
const HEADERS = Number(process.env['HEADERS'] ?? (process.env['LONG'] ? 120_000 : 8_000));
const VARIANTS: [string, SessionOptions][] = [
  ['signed', {}],
  ['signed and deferred', { defer: true }],
  ['unsigned', { cookie: { signed: false } }],
  ['unsigned and deferred', { cookie: { signed: false }, defer: true }],
];
const SECRET = 'what only the real user may see';

/** Whether the header may hold a cookie of this name and value: `cookies` cuts a quote off, and one more character with it. */
function carries(header: string, name: string, value: string): boolean {
  return header.includes(`${name}=${value}`) || header.includes(`${name}="${value}`);
}

describe.each(VARIANTS)(`${HEADERS / VARIANTS.length} random Cookie headers, seed ${SEED}: %s`, (variant, options) => {
  it("never cause an error, never open another visitor's session, and leave the server and its user unharmed", async () => {
    const store = new MemoryStore();
    const site = await siteWith(
      { store, ...options },
      {
        '/login': async (ctx) => {
          const current = await sessionOf(ctx);
          const before = { ...current };
          await ctx.regenerateSession();
          (await sessionOf(ctx))['user'] = 'stranger';
          return before;
        },
        '/keep': async (ctx) => {
          const current = await sessionOf(ctx);
          current['visits'] = Number(current['visits'] ?? 0) + 1;
          return current;
        },
      },
    );
    const inherited = Object.getOwnPropertyNames(Object.prototype);
    const real = site.visitor();
    const login = await real.get(`/put?secret=${encodeURIComponent(SECRET)}`);
    const sid = sentId(login) as string;
    const sig = sentId(login, 'koa.sid.sig');
    const valid = ['theme=dark', `koa.sid=${sid}`, ...(sig ? [`koa.sid.sig=${sig}`] : []), 'b=1'].join('; ');
    const random = randomFrom(SEED + VARIANTS.findIndex(([name]) => name === variant));
    const nextHeader = cookieNoise(random, valid);
    const connection = new KeepAlive(site.port);
    const seen = { refused: 0, opened: 0, created: 0 };

    for (let sent = 0; sent < HEADERS / VARIANTS.length; sent += 1) {
      const header = nextHeader();
      const isReal = carries(header, 'koa.sid', sid) && (sig === undefined || carries(header, 'koa.sid.sig', sig));
      const path = isReal || random() < 0.5 ? '/see' : random() < 0.5 ? '/login' : '/keep';
      const { status, head, body } = await connection.send(
        `GET ${path} HTTP/1.1\r\nHost: a\r\nCookie: ${header}\r\n\r\n`,
      );
      const told = JSON.stringify({ seed: SEED, sent, path, header, status });
      if (status !== 200 && status !== 400 && status !== 431) throw new Error(`Unexpected answer to ${told}: ${body}`);
      if (body.includes(SECRET) && !isReal) throw new Error(`Somebody else's session was handed out to ${told}`);
      const given = head.match(/^set-cookie: koa\.sid=([^;]*)/im)?.[1];
      if (given !== undefined && !/^[\w-]{24}$/.test(given))
        throw new Error(`An id of the stranger's own was taken from ${told}`);
      if (given !== undefined && header.includes(given))
        throw new Error(`An id that was presented is given to ${told}`);
      if (status !== 200) seen.refused += 1;
      else if (body.includes(SECRET)) seen.opened += 1;
      else if (given !== undefined) seen.created += 1;
    }
    connection.close();

    expect(site.errors).toEqual([]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(inherited);
    expect((await real.get('/see')).json()).toEqual({ secret: SECRET });
    expect(store.size).toBe(seen.created + 1);
    // Noise that reached nothing would prove nothing.
    expect(Math.min(seen.refused, seen.opened, seen.created)).toBeGreaterThan(HEADERS / VARIANTS.length / 400);
  }, 600_000);
});
