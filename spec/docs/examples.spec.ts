import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { textOf } from '../helpers/docs/markdown';
import { browser } from '../helpers/http/serve';
import { type NodeProgram, root, startNode } from '../helpers/programs/node-program';
import { type RedisCluster, startCluster } from '../helpers/redis/cluster';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { cookieHeader } from '../helpers/sites/session-site';
import { until } from '../helpers/time/until';

describe('the examples', () => {
  let program: NodeProgram;
  let redis: RedisServer | undefined;

  async function start(file: string, env: Record<string, string> = {}) {
    program = await startNode([`examples/${file}`], { PORT: '0', ...env });
    const [url] = await program.says(/^http:\S+$/m);
    return { url, visitor: browser(url), stranger: browser(url) };
  }

  afterEach(async () => {
    await program?.end();
    await redis?.stop();
    redis = undefined;
  });

  it('basic.js counts the views of each visitor', async () => {
    const { visitor, stranger } = await start('basic.js');
    expect((await visitor.get('/')).text).toBe('views: 1\n');
    expect((await visitor.get('/')).text).toBe('views: 2\n');
    expect((await stranger.get('/')).text).toBe('views: 1\n');
  });

  it('redis.js counts in Redis, and reports when it goes away and comes back', async () => {
    redis = await startRedis({ appendonly: true });
    const { visitor, stranger } = await start('redis.js', { REDIS_URL: redis.url });
    expect((await visitor.get('/')).text).toBe('views: 1\n');
    expect((await stranger.get('/')).text).toBe('views: 1\n');

    await redis.kill();
    await program.says(/^disconnect: /m);
    const heard = program.output.length;
    await redis.restart();
    await program.says(/^connect: /m, heard);
    expect((await visitor.get('/')).text).toBe('views: 2\n');
  });

  it('prometheus.js serves metrics of sessions and calls in Prometheus format', async () => {
    const { visitor } = await start('prometheus.js', { METRICS_PORT: '0' });
    const [, metrics] = /^metrics: (http:\S+)$/m.exec((await program.says(/^metrics: http:\S+$/m))[0]) as string[];
    for (const text of ['views: 1\n', 'views: 2\n']) expect((await visitor.get('/')).text).toBe(text);
    expect((await visitor.get('/logout')).text).toBe('bye\n');
    const { headers, text } = await browser(metrics as string).get('/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = text.split('\n');
    const labels = 'store="memory",prefix="shop:",method="load",outcome="found"';
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE session_store_call_seconds histogram',
        'sessions_created_total{prefix="shop:"} 1',
        'sessions_ended_total{prefix="shop:",reason="logout"} 1',
        `session_store_call_seconds_bucket{${labels},le="+Inf"} 2`,
        `session_store_call_seconds_count{${labels}} 2`,
      ]),
    );
    // Every line is a comment or a sample, as the format has them.
    for (const line of lines) expect(line).toMatch(/^(# TYPE \w+ \w+|\w+\{(\w+="[^"]*",?)+\} [\d.e+-]+|)$/);
  });

  it('outage.js answers 503 with Retry-After while Redis is away, and its health check always', async () => {
    redis = await startRedis({ appendonly: true });
    const { visitor } = await start('outage.js', { REDIS_URL: redis.url });
    expect((await visitor.get('/')).text).toBe('views: 1\n');

    await redis.kill();
    await program.says(/^disconnect: /m);
    const heard = program.output.length;
    const { status, headers, setCookie } = await visitor.get('/');
    expect([status, headers.get('retry-after'), setCookie]).toEqual([503, '5', []]);
    expect((await visitor.get('/health')).text).toBe('sessions: unavailable\n');

    await redis.restart();
    await program.says(/^connect: /m, heard);
    expect((await visitor.get('/')).text).toBe('views: 2\n');
    expect((await visitor.get('/health')).text).toBe('sessions: available\n');
  });

  it.each([
    ['is there', async () => undefined],
    ['is away', () => redis?.kill()],
  ])('shutdown.js ends by itself while Redis %s', async (_where, change) => {
    redis = await startRedis();
    const { visitor } = await start('shutdown.js', { REDIS_URL: redis.url });
    expect((await visitor.get('/')).text).toBe('views: 1\n');
    await change();
    expect(await program.end('SIGTERM')).toBe(0);
    expect(program.output).toMatch(/^bye$/m);
  });

  it('cluster.js keeps sessions on the nodes of a Redis Cluster', async () => {
    const cluster: RedisCluster = await startCluster();
    try {
      const [node] = cluster.nodes;
      const { url } = await start('cluster.js', { REDIS_NODES: `127.0.0.1:${node?.port}` });
      const visitors = Array.from({ length: 12 }, () => browser(url));
      for (const views of [1, 2]) {
        const texts = await Promise.all(visitors.map(async (visitor) => (await visitor.get('/')).text));
        expect(new Set(texts)).toEqual(new Set([`views: ${views}\n`]));
      }
      const sizes = await Promise.all(cluster.nodes.map((it) => it.command('DBSIZE')));
      expect(sizes.map(Number).reduce((sum, size) => sum + size)).toBe(12);
      expect(sizes.filter((size) => size !== '0').length).toBeGreaterThan(1);
    } finally {
      await cluster.stop();
    }
  });

  it('prefixes.js separates two businesses on one Redis', async () => {
    redis = await startRedis();
    program = await startNode(['examples/prefixes.js'], { PORT: '0', BLOG_PORT: '0', REDIS_URL: redis.url });
    const [, shop] = await program.says(/^shop (http:\S+)$/m);
    const [, blog] = await program.says(/^blog (http:\S+)$/m);
    const inShop = browser(String(shop));
    // A browser has one jar for all ports of a host.
    const inBlog = browser(String(blog), inShop.jar);
    expect((await inShop.get('/')).text).toBe('shop: 1\n');
    expect((await inShop.get('/')).text).toBe('shop: 2\n');
    expect((await inBlog.get('/')).text).toBe('blog: 1\n');
    expect((await inShop.get('/')).text).toBe('shop: 3\n');
    const keys = await redis.command(`EVAL "return table.concat(redis.call('keys','*'),' ')" 0`);
    expect(keys.match(/\w+:sess:/g)?.sort()).toEqual(['blog:sess:', 'shop:sess:']);
  });

  it('defer.js calls the store only for pages that use the session', async () => {
    const { visitor } = await start('defer.js');
    const asked = () => program.output.split('the store is asked').length - 1;
    expect((await visitor.post('/visits')).text).toBe('visits: 1\n');
    expect((await visitor.get('/')).text).toBe('hello\n');
    expect(asked()).toBe(0);
    expect((await visitor.get('/visits')).text).toBe('visits: 1\n');
    await program.says(/the store is asked/);
    expect(asked()).toBe(1);
  });

  describe('rolling.js', () => {
    const since = async (from: ReturnType<typeof browser>) => (await from.get('/')).text;

    it('restarts the lifetime of the cookie, even without a change', async () => {
      const { visitor } = await start('rolling.js');
      const [first, second] = [await visitor.get('/'), await visitor.get('/')];
      expect(second.text).toBe(first.text);
      expect(second.setCookie.join()).toMatch(/^koa\.sid=/);
    });

    it('ends an idle session', async () => {
      const { visitor } = await start('rolling.js', { IDLE_SECONDS: '0.2' });
      const before = await since(visitor);
      await pause(300);
      expect(await since(visitor)).not.toBe(before);
    });

    it('ends a session after its maximum lifetime, however busy it is', async () => {
      const { visitor } = await start('rolling.js', { LIFE_SECONDS: '2' });
      const before = await since(visitor);
      expect(await since(visitor)).toBe(before);
      await until(async () => (await since(visitor)) !== before);
    });
  });

  describe('login.js', () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const right = 'name=ann&password=correct+horse';

    it('logs in under a new id, and out again', async () => {
      const { visitor } = await start('login.js');
      expect((await visitor.get('/')).text).toContain('Password');
      const login = await visitor.post('/login', right, form);
      expect([login.status, login.setCookie.length]).toEqual([302, 2]);
      const old = cookieHeader(login);
      expect((await visitor.get('/')).text).toContain('Logged in as ann');
      // Whoever logs in again has another id, and the one before is worth nothing.
      const again = await visitor.post('/login', right, form);
      expect(cookieHeader(again)).not.toBe(old);
      expect((await visitor.get('/', { cookie: old })).text).toContain('Password');
      expect((await visitor.post('/logout')).status).toBe(302);
      expect((await visitor.get('/')).text).toContain('Password');
      expect((await visitor.get('/', { cookie: cookieHeader(again) })).text).toContain('Password');
    });

    it.each(['name=ann&password=wrong', 'name=bea&password=correct+horse', ''])(
      'refuses a wrong name or password: %s',
      async (body) => {
        const { visitor } = await start('login.js');
        const { status, setCookie } = await visitor.post('/login', body, form);
        expect([status, setCookie]).toEqual([401, []]);
      },
    );

    it('sends a secure cookie behind a proxy in production', async () => {
      const { visitor } = await start('login.js', {
        NODE_ENV: 'production',
        SESSION_SECRET: 'the secret of the specs',
      });
      const { setCookie } = await visitor.post('/login', right, { ...form, 'x-forwarded-proto': 'https' });
      expect(setCookie).toEqual([
        expect.stringMatching(/^__Host-sid=.*; samesite=lax; secure; httponly$/),
        expect.stringMatching(/^__Host-sid\.sig=.*; samesite=lax; secure; httponly$/),
      ]);
    });

    it('does not start in production without a secret', async () => {
      program = await startNode(['examples/login.js'], { PORT: '0', NODE_ENV: 'production' });
      await program.says(/Expected SESSION_SECRET to be set/);
      // A signal that ends nothing: it has ended by itself.
      expect(await program.end('SIGCONT')).toBe(1);
    });
  });

  it('passport.js logs in with Passport under a new id, and out again', async () => {
    const packages = { NODE_PATH: join(root, 'spec/interop/node_modules') };
    const { visitor } = await start('passport.js', packages);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const logIn = (password: string) => visitor.post('/login', `username=ann&password=${password}`, form);
    expect((await visitor.get('/')).setCookie).toEqual([]);
    const wrong = await logIn('wrong');
    expect(wrong.status).toBe(302);
    expect((await visitor.get('/')).text).toContain('unknown name or password');
    expect((await visitor.get('/')).text).not.toContain('unknown');
    const right = await logIn('correct+horse');
    expect([right.status, cookieHeader(right) === cookieHeader(wrong)]).toEqual([302, false]);
    expect((await visitor.get('/')).text).toContain('Logged in as ann');
    expect((await visitor.get('/', { cookie: cookieHeader(wrong) })).text).toContain('Password');
    expect((await visitor.post('/logout')).status).toBe(302);
    expect((await visitor.get('/')).text).toContain('Password');
    expect((await visitor.get('/', { cookie: cookieHeader(right) })).text).toContain('Password');
  });

  it('header.js finds a session by its header', async () => {
    const { visitor } = await start('header.js');
    const first = await visitor.post('/items/tea');
    const id = { 'x-session-id': String(first.headers.get('x-session-id')) };
    expect([first.json(), first.setCookie]).toEqual([['tea'], []]);
    expect((await visitor.post('/items/milk', undefined, id)).json()).toEqual(['tea', 'milk']);
    expect((await visitor.get('/items')).json()).toEqual([]);
    const end = await visitor.request('DELETE', '/items', undefined, id);
    expect([end.status, end.headers.has('x-session-id')]).toEqual([204, false]);
    expect((await visitor.get('/items', id)).json()).toEqual([]);
  });

  it('custom-store.js keeps a file for each visitor, across a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spec-sessions-'));
    try {
      const { visitor, stranger } = await start('custom-store.js', { SESSIONS_DIR: folder });
      expect((await visitor.get('/')).text).toBe('views: 1\n');
      expect((await visitor.get('/')).text).toBe('views: 2\n');
      expect((await stranger.get('/')).text).toBe('views: 1\n');
      expect(await readdir(folder)).toEqual(Array(2).fill(expect.stringMatching(/^[\da-f]{64}\.json$/)));
      await program.end();

      const { url } = await start('custom-store.js', { SESSIONS_DIR: folder });
      expect((await browser(url, visitor.jar).get('/')).text).toBe('views: 3\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  describe('websocket.js', () => {
    /** Opens a WebSocket as a page of that origin would. */
    function connect(url: string, cookie: string, origin = url): WebSocket {
      return new WebSocket(url.replace('http', 'ws'), { origin, headers: { cookie } });
    }

    /** The status with which a WebSocket is refused. */
    async function refusal(socket: WebSocket): Promise<number | undefined> {
      socket.on('error', () => undefined);
      const [, { statusCode }] = await once(socket, 'unexpected-response');
      socket.terminate();
      return statusCode;
    }

    it('greets a logged-in user, and closes the connection after the logout', async () => {
      const { url, visitor } = await start('websocket.js');
      expect(await refusal(connect(url, ''))).toBe(401);
      const cookie = cookieHeader(await visitor.post('/login'));
      const socket = connect(url, cookie);
      const closed = once(socket, 'close');
      const [greeting] = await once(socket, 'message');
      expect(String(greeting)).toBe('hello Ann');
      await visitor.post('/logout');
      expect((await closed)[0]).toBe(4401);
      expect(await refusal(connect(url, cookie))).toBe(401);
    });

    it('refuses pages of other sites', async () => {
      const { url, visitor } = await start('websocket.js');
      const cookie = cookieHeader(await visitor.post('/login'));
      expect(await refusal(connect(url, cookie, 'https://evil.example'))).toBe(403);
    });

    it('reads the session before the first request', async () => {
      const { url } = await start('websocket.js');
      expect(await refusal(connect(url, 'koa.sid=x; koa.sid.sig=y'))).toBe(401);
    });
  });

  it('say how to run them and what to see, and each is run here', async () => {
    const files = (await readdir(join(root, 'examples'))).filter((name) => name.endsWith('.js'));
    const here = textOf('spec/docs/examples.spec.ts');
    for (const file of files) {
      const text = textOf(`examples/${file}`);
      expect([file, text]).toEqual([
        file,
        expect.stringMatching(/^\/\/ .*\n(\/\/ .*\n)*\/\/\n\/\/ Run: .*\n\/\/ See: /),
      ]);
      expect([file, text]).toEqual([file, expect.stringContaining(`node examples/${file}`)]);
      expect([file, here]).toEqual([file, expect.stringContaining(`${file.slice(0, -3)}.js`)]);
    }
    expect(files.length).toBeGreaterThan(11);
  });
});
