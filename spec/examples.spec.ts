import { browser } from './helpers/http';
import { type NodeProgram, startNode } from './helpers/node-program';
import { type RedisServer, startRedis } from './helpers/redis-server';

jest.setTimeout(60_000);

describe('the examples', () => {
  let program: NodeProgram;
  let redis: RedisServer | undefined;

  async function start(file: string, env: Record<string, string> = {}) {
    program = await startNode([`examples/${file}`], { PORT: '0', ...env });
    const [url] = await program.says(/^http:\S+$/m);
    return { visitor: browser(url), stranger: browser(url) };
  }

  afterEach(async () => {
    await program.end();
    await redis?.stop();
    redis = undefined;
  });

  it('basic.js counts the views of each visitor', async () => {
    const { visitor, stranger } = await start('basic.js');
    expect((await visitor.get('/')).text).toBe('views: 1\n');
    expect((await visitor.get('/')).text).toBe('views: 2\n');
    expect((await stranger.get('/')).text).toBe('views: 1\n');
  });

  it('redis.js counts in Redis, and hears it go and come back', async () => {
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

  it('outage.js answers 503 with Retry-After while Redis is away, and its health all the time', async () => {
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
});
