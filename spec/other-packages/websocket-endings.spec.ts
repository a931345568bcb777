import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Browser, browser } from '../helpers/http/serve';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

let redis: RedisServer;
const programs: NodeProgram[] = [];
/** The addresses of two processes that share a Redis. */
let [here, there] = ['', ''];

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  for (let n = 0; n < 2; n += 1) {
    programs.push(await startNode(['spec/helpers/programs/watching-app.js'], { REDIS_URL: redis.url }));
  }
  const urls = await Promise.all(programs.map((program) => program.says(/^http:\S+$/m)));
  [here, there] = urls.map(([url]) => url) as [string, string];
});
afterAll(async () => {
  await Promise.all(programs.map((program) => program.end()));
  await redis.stop();
});

/** Logs in here, and opens a WebSocket in the other process. `closed` resolves to the code and the reason. */
async function connected(user: string) {
  const visitor = browser(here);
  await visitor.get(`/login?user=${user}`);
  const socket = new WebSocket(there.replace('http', 'ws'), {
    headers: { cookie: await visitor.jar.getCookieString(here) },
  });
  const closed = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`);
  await once(socket, 'message');
  return { visitor, socket, closed };
}

const ends: [how: string, reason: string, end: (visitor: Browser, user: string) => unknown][] = [
  ['a logout', 'logout', (visitor) => visitor.get('/logout')],
  ['a new id without the data', 'regenerated', (visitor) => visitor.get('/replace')],
  ['endAll()', 'user', (_visitor, user) => browser(here).get(`/end-all?user=${user}`)],
  [
    'maxPerUser',
    'limit',
    async (_visitor, user) => {
      for (let n = 0; n < 2; n += 1) await browser(here).get(`/login?user=${user}`);
    },
  ],
];

describe('A WebSocket in another process', () => {
  it.each(ends)('is closed by %s, with the reason', async (how, reason, end) => {
    const user = `ann ${how}`;
    const { visitor, closed } = await connected(encodeURIComponent(user));
    await end(visitor, encodeURIComponent(user));
    expect(await closed).toBe(`4401 ${reason}`);
  });

  it('stays open when the session gets a new id with its data, and is closed by the logout under that id', async () => {
    const { visitor, socket, closed } = await connected('bob');
    await visitor.get('/rotate');
    await visitor.get('/rotate');
    expect(socket.readyState).toBe(WebSocket.OPEN);
    await visitor.get('/logout');
    expect(await closed).toBe('4401 logout');
  });

  it('is closed once Redis is back, if the session has ended and nobody could tell', async () => {
    const { closed } = await connected('eve');
    // As if the process that ended it had died before it could tell.
    const keys = await redis.command(
      "EVAL \"for _, key in ipairs(redis.call('KEYS', 'koa:sess:*')) do if redis.call('TYPE', key).ok == 'string' then redis.call('DEL', key) end end\" 0",
    );
    expect(keys).not.toMatch(/ERR/);
    await redis.restart();
    expect(await closed).toBe('4401 gone');
  });
});
