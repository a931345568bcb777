// Memory of requests in flight, and whether memory grows over many requests: `npm run bench:in-flight`. Fails if a request in flight
// takes more than 2 kB in addition to bare Koa, or if a million requests leave more than 5 MB behind.
const http = require('node:http');
const { once } = require('node:events');
const { own, peer } = require('./peers');
const { writePart, surroundings } = require('./harness/report');

/** @type {typeof import('../lib/main')} */
const session = peer(own);

const Koa = peer('koa');
const IN_FLIGHT = 2000;
const REQUESTS = 1_000_000;
const MAX_BYTES = 2048;
const MAX_GROWTH = 5e6;

/** Bytes in use on the heap. */
function heapUsed() {
  for (let n = 0; n < 4; n += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** A compare-and-set client that returns the same session to everyone and uses no memory for it. */
function thriftyClient() {
  const record = JSON.stringify({ user: 'ann', cookie: { maxAge: 86_400_000, own: [], lifetime: 86_400_000 } });
  return {
    get: async () => JSON.parse(record),
    set: async () => undefined,
    destroy: async () => undefined,
    load: async () => ({ record, revision: record }),
    create: async () => record,
    swap: async () => ({ ok: /** @type {const} */ (true), revision: record }),
    touch: async () => true,
    remove: async () => record,
    take: async () => record,
    mark: async () => ({ record, revision: record }),
  };
}

/**
 * Bytes per request in flight, measured in a new server.
 *
 * @param {boolean} hasSession
 */
async function inFlight(hasSession) {
  const app = new Koa();
  app.keys = ['key'];
  if (hasSession) app.use(session({ store: thriftyClient(), cookie: { signed: false } }));
  let waiting = 0;
  /** @type {(() => void)[]} */
  const release = [];
  app.use(async (/** @type {any} */ ctx) => {
    waiting += 1;
    // Reading cookies is Koa's cost, not that of the session.
    ctx.cookies.get('koa.sid', { signed: false });
    // Read before the wait: from then on, the request holds what it needs to detect changes.
    const user = hasSession ? ctx.session.user : 'ann';
    await new Promise((resolve) => release.push(() => resolve(undefined)));
    ctx.body = user;
  });
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const ask = (/** @type {number} */ n) =>
    new Promise((resolve, reject) => {
      const headers = { cookie: `koa.sid=visitor${n}` };
      http
        .get({ port, host: '127.0.0.1', agent, headers }, (res) => res.resume().on('end', resolve))
        .on('error', reject);
    });
  /** Holds all requests in the handler, measures, and releases them. */
  const weigh = async () => {
    const answers = Array.from({ length: IN_FLIGHT }, (_, n) => ask(n));
    while (waiting < IN_FLIGHT) await new Promise((resolve) => setImmediate(resolve));
    const full = heapUsed();
    for (const go of release.splice(0)) go();
    waiting = 0;
    await Promise.all(answers);
    return full - heapUsed();
  };
  await weigh(); // warm-up: compiling and connecting do not count
  const weights = [await weigh(), await weigh(), await weigh(), await weigh(), await weigh()].sort((a, b) => a - b);
  agent.destroy();
  server.close();
  return (weights[2] ?? 0) / IN_FLIGHT;
}

/** Bytes that a million requests leave on the heap, in addition to the first hundred thousand. */
async function growth() {
  const app = new Koa();
  app.keys = ['key'];
  app.use(session());
  app.use((/** @type {any} */ ctx) => {
    ctx.session.views = (ctx.session.views ?? 0) + 1;
    ctx.body = 'ok';
  });
  const handle = app.callback();
  let cookie = '';
  const ask = async () => {
    const req = new http.IncomingMessage(/** @type {any} */ (null));
    Object.assign(req, { url: '/', method: 'GET', headers: { cookie }, socket: { remoteAddress: '127.0.0.1' } });
    const res = new http.ServerResponse(req);
    await handle(req, res);
    const sent = /** @type {string[] | undefined} */ (res.getHeader('set-cookie'));
    cookie ||= sent?.map((line) => line.split(';')[0]).join('; ') ?? '';
    res.emit('finish');
  };
  for (let n = 0; n < REQUESTS / 10; n += 1) await ask();
  const before = heapUsed();
  for (let n = 0; n < REQUESTS; n += 1) await ask();
  return heapUsed() - before;
}

async function main() {
  process.removeAllListeners('warning');
  const bare = await inFlight(false);
  const own = await inFlight(true);
  const grown = await growth();
  const lines = [
    `bare Koa that reads the cookie: ${bare.toFixed(0)} bytes on the heap for each of ${IN_FLIGHT} requests in flight`,
    `with a session loaded and read: ${own.toFixed(0)} bytes, ${(own - bare).toFixed(0)} more (at most ${MAX_BYTES})`,
    `after ${REQUESTS.toLocaleString('en')} more requests that write: ${(grown / 1e6).toFixed(2)} MB more on the heap (at most ${MAX_GROWTH / 1e6})`,
  ];
  console.log(lines.join('\n'));
  writePart('Memory', ['`npm run bench:in-flight`', surroundings(), ...lines.map((line) => `- ${line}`)].join('\n\n'));
  process.exitCode = own - bare > MAX_BYTES || grown > MAX_GROWTH ? 1 : 0;
  process.exit();
}

void main();
