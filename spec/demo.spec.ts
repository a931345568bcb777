import { createHmac } from 'node:crypto';
import { type Browser, browser } from './helpers/http';
import { type NodeProgram, startNode } from './helpers/node-program';
import { type RedisServer, startRedis } from './helpers/redis-server';

jest.setTimeout(60_000);

const secret = 'the secret of the specs';
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the demo', () => {
  let demo: NodeProgram;
  let redis: RedisServer | undefined;
  let shop: Browser;
  let blog: Browser;

  /** Starts the app; the browsers keep the cookies that they have. */
  async function start(env: Record<string, string> = {}) {
    demo = await startNode(['examples/demo/server.js'], { PORT: '0', SESSION_SECRET: secret, ...env });
    const [, shopUrl = ''] = await demo.says(/^shop: (http:\S+)$/m);
    const [, blogUrl = ''] = await demo.says(/^blog: (http:\S+)$/m);
    shop = browser(shopUrl, shop?.jar);
    blog = browser(blogUrl, blog?.jar);
  }

  async function startOnRedis() {
    redis = await startRedis({ appendonly: true });
    await start({ REDIS_URL: redis.url });
    return redis;
  }

  beforeEach(() => {
    [shop, blog] = [browser('http://localhost'), browser('http://localhost')];
  });

  afterEach(async () => {
    await demo.end();
    await redis?.stop();
    redis = undefined;
  });

  it.each([
    ['in memory', () => start()],
    ['in Redis', () => startOnRedis()],
  ])('logs in, counts and logs out with its sessions %s', async (_where, startThere) => {
    await startThere();
    expect((await shop.get('/')).text).toContain('You are not logged in');

    const { status, headers } = await logIn(shop, 'Ann <b>');
    expect([status, headers.get('location')]).toEqual([303, '/']);
    await shop.post('/count');
    await shop.post('/count');
    expect((await shop.get('/')).text).toContain(
      'Hello <strong>Ann &lt;b&gt;</strong>, your count is <strong>2</strong>',
    );

    const cookie = await cookieOf(shop);
    await shop.post('/logout');
    expect(await cookieOf(shop)).toBe('');
    expect((await shop.get('/')).text).toContain('You are not logged in');
    expect((await shop.get('/', { cookie })).text).toContain('You are not logged in');
  });

  it('counts every one of many clicks at once', async () => {
    await start();
    await logIn(shop, 'Ann');
    await Promise.all(Array.from({ length: 20 }, () => shop.post('/count')));
    expect((await shop.get('/')).text).toContain('your count is <strong>20</strong>');
  });

  it('gives a new session id at login, also to who is logged in already', async () => {
    await start();
    await logIn(shop, 'Ann');
    const before = await cookieOf(shop);
    await logIn(shop, 'Bob');
    expect(sidIn(await cookieOf(shop))).not.toBe(sidIn(before));
    expect((await shop.get('/', { cookie: before })).text).toContain('You are not logged in');
    expect((await shop.get('/')).text).toContain('Hello <strong>Bob</strong>');
  });

  it('ends by itself on SIGTERM, and knows its visitors again after a restart', async () => {
    const { url } = await startOnRedis();
    await logIn(shop, 'Ann');
    await shop.post('/count');
    expect(await demo.end('SIGTERM')).toBe(0);

    await start({ REDIS_URL: url });
    expect((await shop.get('/')).text).toContain('Hello <strong>Ann</strong>, your count is <strong>1</strong>');
  });

  it('keeps the sessions of two businesses on one Redis apart', async () => {
    const { command } = await startOnRedis();
    await logIn(shop, 'Ann');
    const sid = sidIn(await cookieOf(shop));
    expect(await command(`EXISTS shop:sess:${sid}`)).toBe('1');
    expect(await command(`EXISTS blog:sess:${sid}`)).toBe('0');

    // The shop's session id, signed as the blog would sign it.
    const signature = createHmac('sha1', secret).update(`blog.sid=${sid}`).digest('base64url');
    const cookie = `blog.sid=${sid}; blog.sid.sig=${signature}`;
    expect((await blog.get('/', { cookie })).text).toContain('You are not logged in');

    await logIn(blog, 'Bea');
    await blog.post('/logout');
    expect((await shop.get('/')).text).toContain('Hello <strong>Ann</strong>');
  });

  it('hears Redis go and come back, with the sessions that were in it', async () => {
    const server = await startOnRedis();
    await logIn(shop, 'Ann');
    await server.kill();
    await Promise.all([demo.says(/^shop: heard disconnect/m), demo.says(/^blog: heard disconnect/m)]);

    const heard = demo.output.length;
    const waiting = shop.get('/');
    await server.restart();
    await Promise.all([demo.says(/^shop: heard connect/m, heard), demo.says(/^blog: heard connect/m, heard)]);
    expect((await waiting).text).toContain('Hello <strong>Ann</strong>');
    expect((await shop.get('/')).text).toContain('Hello <strong>Ann</strong>');
  });

  it('ends by itself while Redis is gone', async () => {
    const server = await startOnRedis();
    await shop.get('/');
    await server.kill();
    await demo.says(/^shop: heard disconnect/m);
    expect(await demo.end('SIGINT')).toBe(0);
  });

  it('says where sessions are kept, and that a random secret does not survive a restart', async () => {
    await start({ SESSION_SECRET: '' });
    expect(demo.output).toContain('sessions are kept in memory');
    expect(demo.output).toContain('SESSION_SECRET is not set');
    expect(await demo.end('SIGTERM')).toBe(0);

    await startOnRedis();
    expect(demo.output).toContain('sessions are kept in Redis');
    expect(demo.output).not.toContain(secret);
  });
});

function logIn(visitor: Browser, user: string) {
  return visitor.post('/login', `user=${encodeURIComponent(user)}`, form);
}

/** The cookies of a browser: all ports of a host share them. */
function cookieOf({ jar }: Browser): Promise<string> {
  return jar.getCookieString('http://localhost/');
}

function sidIn(cookie: string): string {
  return /\bsid=([^;]+)/.exec(cookie)?.[1] ?? '';
}
