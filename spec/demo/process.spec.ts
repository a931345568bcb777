import { createHmac } from 'node:crypto';
import { get } from 'node:http';
import { type Browser, browser } from '../helpers/http/serve';
import { type Demo, secret, startDemo } from '../helpers/programs/demo';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the process of the demo', () => {
  let demo: Demo;
  let redis: RedisServer | undefined;
  let visitor: Browser;
  /** In memory, for all that leave it as it was. */
  let shared: Demo | undefined;

  /** Starts it; the browser keeps the cookies that it has. */
  async function start(env: Record<string, string> = {}) {
    demo = await startDemo(env);
    visitor = browser(demo.url, visitor?.jar);
  }

  async function join() {
    shared ??= await startDemo();
    demo = shared;
    visitor = browser(demo.url);
  }

  async function startOnRedis() {
    redis = await startRedis({ appendonly: true });
    await start({ REDIS_URL: redis.url });
    return redis;
  }

  const logIn = (user: string) => visitor.post('/shop/login', `user=${encodeURIComponent(user)}`, form);
  const page = async () => (await visitor.get('/shop/')).text;
  const cookie = (business = 'shop') => visitor.jar.getCookieString(`http://localhost/${business}/`);
  const sidIn = (cookies: string) => /\bsid=([^;]+)/.exec(cookies)?.[1] ?? '';

  beforeEach(() => {
    visitor = browser('http://localhost');
  });

  afterAll(() => shared?.end());

  afterEach(async () => {
    if (demo !== shared) await demo.end();
    await redis?.stop();
    redis = undefined;
  });

  it('escapes what visitors type', async () => {
    await join();
    const { status, headers } = await logIn('Ann <b>"&');
    expect([status, headers.get('location')]).toEqual([303, '/shop/']);
    expect(await page()).toContain('Hello, Ann &lt;b&gt;&quot;&amp;<');
  });

  it('gives a new session id at login, even to a user who is already logged in', async () => {
    await join();
    await logIn('Ann');
    const before = await cookie();
    await logIn('Bob');
    expect(sidIn(await cookie())).not.toBe(sidIn(before));
    expect((await visitor.get('/shop/', { cookie: before })).text).toContain('Log in');
    expect(await page()).toContain('Hello, Bob');
  });

  it('lets nobody end the session of another user', async () => {
    await join();
    await logIn('Ann');
    const second = browser(demo.url);
    await second.post('/shop/login', 'user=Ann', form);
    const shown = (text: string) => /name="handle" value="([\w-]+)"/.exec(text)?.[1];
    const handle = shown((await second.get('/shop/')).text);
    expect(handle).toHaveLength(43);
    const mallory = browser(demo.url);
    await mallory.post('/shop/login', 'user=Mallory', form);
    await mallory.post('/shop/sessions/end', `handle=${handle}`, form);
    await mallory.post('/shop/sessions/end-others', '', form);
    expect(await page()).toContain('Hello, Ann');
    await second.post('/shop/sessions/end', `handle=${handle}`, form);
    expect(await page()).not.toContain('Hello, Ann');
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour on another port', { 'sec-fetch-site': 'same-site' }],
    ['another site, in a browser that only says the origin', { origin: 'https://evil.example' }],
  ])('refuses a form of %s', async (_whose, headers) => {
    await join();
    for (const path of ['/panel/outage', '/shop/login', '/shop/add']) {
      expect((await visitor.post(path, 'seconds=6&user=Ann&id=sencha', { ...form, ...headers })).status).toBe(403);
    }
    expect(await page()).toContain('The store is available.');
    expect((await visitor.post('/shop/login', 'user=Ann', { ...form, origin: demo.url })).status).toBe(303);
  });

  it('answers requests for missing pages, and forms that are too long', async () => {
    await join();
    expect((await visitor.get('/nowhere')).status).toBe(404);
    expect((await visitor.post('/shop/login', `user=${'a'.repeat(20_000)}`, form)).status).toBe(413);
    expect((await visitor.post('/shop/login', { user: 'Ann' })).status).toBe(415);
    expect((await visitor.post('/shop/writes/1')).status).toBe(404);
    await visitor.post('/shop/add', 'id=constructor', form);
    await visitor.post('/shop/remove', 'id=__proto__', form);
    expect(await page()).toContain('Nothing yet');
    expect(demo.output).not.toContain('Error');
  });

  it('separates the sessions of two businesses on one Redis', async () => {
    const { command } = await startOnRedis();
    await logIn('Ann');
    const sid = sidIn(await cookie());
    expect(await command(`EXISTS shop:sess:${sid}`)).toBe('1');
    expect(await command(`EXISTS blog:sess:${sid}`)).toBe('0');

    // The shop's session id, signed as the blog would sign it.
    const signature = createHmac('sha1', secret).update(`blog.sid=${sid}`).digest('base64url');
    const forged = { cookie: `blog.sid=${sid}; blog.sid.sig=${signature}` };
    expect((await visitor.get('/blog/', forged)).text).toContain('Log in');
    await visitor.post('/blog/login', 'user=Bea', form);
    await visitor.post('/blog/logout');
    expect(await page()).toContain('Hello, Ann');
  });

  it('notices when Redis goes away and comes back, with the sessions that were in it', async () => {
    const server = await startOnRedis();
    await logIn('Ann');
    await server.kill();
    await Promise.all([demo.says(/^shop: heard disconnect/m), demo.says(/^blog: heard disconnect/m)]);
    const heard = demo.output.length;
    await server.restart();
    await Promise.all([demo.says(/^shop: heard connect/m, heard), demo.says(/^blog: heard connect/m, heard)]);
    expect(await page()).toContain('Hello, Ann');
  });

  it('streams the panel, writes nothing to the store for it, and sends no cookie', async () => {
    const server = await startOnRedis();
    await logIn('Ann');
    const written = async () =>
      Object.entries(await server.info('commandstats'))
        .filter(([command]) => /set|eval|del|expire/.test(command))
        .map(([command, counts]) => `${command} ${counts.split(',')[0]}`);
    const expiry = () => server.command(`PEXPIRETIME shop:sess:${sid}`);
    const sid = sidIn(await cookie());
    const [end] = [await expiry()];
    const { messages, headers, close } = await watch(demo.url, await cookie());
    await until(() => messages.length > 3);
    const before = await written();
    await until(() => messages.length > 5);
    // The panel asks how long each record has left, in a script that only reads.
    const reads = /evalsha|eval /;
    expect((await written()).filter((line) => !reads.test(line))).toEqual(before.filter((line) => !reads.test(line)));
    expect(await expiry()).toBe(end);
    expect(headers).toMatchObject({ 'content-type': expect.stringMatching(/^text\/event-stream/) });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(messages.at(-1)).toContain('Ann');
    expect(messages.join()).not.toContain(sid);
    close();
  });

  it.each(['in memory', 'in Redis'])(
    'ends by itself on SIGTERM with its sessions %s, although the panel is open',
    async (where) => {
      if (where === 'in Redis') await startOnRedis();
      else await start();
      await visitor.post('/shop/writes');
      const { messages, ended, headers } = await watch(demo.url);
      await until(() => messages.length > 0);
      expect(await demo.end('SIGTERM')).toBe(0);
      expect(await ended).toBe(true);
      expect(headers.connection).toBe('close');
    },
  );

  it.each(['in memory', 'in Redis'])('ends by itself while the store has been taken away, %s', async (where) => {
    if (where === 'in Redis') await startOnRedis();
    else await start();
    await visitor.post('/panel/outage', 'seconds=6&path=/', form);
    expect(await page()).toContain('The store is away.');
    expect(await demo.end('SIGINT')).toBe(0);
  });

  it('ends by itself while Redis is gone', async () => {
    const server = await startOnRedis();
    await page();
    await server.kill();
    await demo.says(/^shop: heard disconnect/m);
    expect(await demo.end('SIGINT')).toBe(0);
  });

  it('recognises its visitors after a restart', async () => {
    const { url } = await startOnRedis();
    await logIn('Ann');
    expect(await demo.end('SIGTERM')).toBe(0);
    await start({ REDIS_URL: url });
    expect(await page()).toContain('Hello, Ann');
  });

  it('says where sessions are kept, and that a random secret does not survive a restart', async () => {
    await start({ SESSION_SECRET: '' });
    expect(demo.output).toContain('sessions are kept in memory');
    expect(demo.output).toContain('SESSION_SECRET is not set');
    await demo.end();
    await startOnRedis();
    expect(demo.output).toContain('sessions are kept in Redis');
    expect(demo.output).not.toContain(secret);
  });

  it('says what to do if its port is in use', async () => {
    await start();
    await expect(startDemo({ PORT: new URL(demo.url).port })).rejects.toThrow('set PORT to a free port');
  });
});

/** Follows the server-sent events of the panel. */
async function watch(url: string, cookie = '') {
  const messages: string[] = [];
  const request = get(`${url}/panel/events`, { headers: { cookie } });
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  response.setEncoding('utf8').on('data', (text: string) => text.startsWith('data:') && messages.push(text));
  /** Whether it came to its end, and was not cut off. */
  const ended = new Promise<boolean>((resolve) => response.once('close', () => resolve(response.complete)));
  return { messages, headers: response.headers, ended, close: () => request.destroy() };
}
