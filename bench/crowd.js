// How one visitor's requests affect other visitors: `npm run bench:crowd`. Many requests of one session arrive at once on one
// connection, each sets a different key, and another visitor sends a request every 10 ms. Prints the other visitor's longest wait, the
// server's memory and the CPU time per write, for this package and koa-generic-session. Fails if this package misses its targets.
// Sessions are in memory, or with `--redis` in a private redis-server. CROWD=rows or CONTESTANT=evented selects by part of the name.
const { fork } = require('node:child_process');
const http = require('node:http');
const { connect } = require('node:net');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');

/** Limits: how long another visitor may wait, in milliseconds, and how much memory the server may use, in megabytes. */
const MOST_WAIT = 250;
const MOST_MEMORY = 500;
/** Limit for the cost of a write in a large crowd, relative to a crowd of 10. */
const MOST_GROWTH = 2;

/** @typedef {{ name: string, writers: number, bytes: number, shape: 'text' | 'rows' }} Crowd */

/** @type {Crowd[]} */
const CROWDS = [
  { name: '10 writers', writers: 10, bytes: 100, shape: 'text' },
  { name: '100 writers', writers: 100, bytes: 100, shape: 'text' },
  { name: '1 000 writers', writers: 1000, bytes: 100, shape: 'text' },
  { name: '8 000 writers', writers: 8000, bytes: 100, shape: 'text' },
  { name: '10 000 writers', writers: 10_000, bytes: 100, shape: 'text' },
  { name: '2 000 writers of 200 kB, one text', writers: 2000, bytes: 200_000, shape: 'text' },
  { name: '2 000 writers of 200 kB, rows', writers: 2000, bytes: 200_000, shape: 'rows' },
];

/** @type {(name: string) => any} */
const loaded = require;

const CONTESTANTS = ['koa', 'koa-evented-session', 'koa-generic-session'];

/** Runs in the child process: a site with sessions in memory. */
function serve(/** @type {string} */ contestant, /** @type {number | undefined} */ port) {
  process.removeAllListeners('warning');
  const Koa = require('koa');
  const app = new Koa();
  app.keys = ['a key for the bench'];
  const isOwn = contestant === 'koa-evented-session';
  const session = loaded(isOwn ? '..' : 'koa-generic-session');
  const store =
    port === undefined
      ? undefined
      : isOwn
        ? loaded('../dist/redis').redisStore({ port })
        : loaded('koa-redis')({ port });
  if (contestant === 'koa')
    app.use((/** @type {any} */ ctx, /** @type {any} */ next) => {
      ctx.session = {};
      return next();
    });
  else app.use(session({ store }));
  app.use(async (/** @type {any} */ ctx) => {
    const { path, query } = ctx;
    if (path === '/fill') {
      const bytes = Number(query.bytes);
      ctx.session.data =
        query.shape === 'text'
          ? 'x'.repeat(bytes)
          : Array.from({ length: bytes / 40 }, (_, id) => ({ id, name: `item ${id}`, n: 1 }));
    }
    if (path === '/put') ctx.session[`k${query.k}`] = 1;
    if (path === '/count') {
      const keys = Object.keys(ctx.session).filter((key) => key.startsWith('k'));
      ctx.body = String(keys.length);
      return;
    }
    ctx.body = 'ok';
  });
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
  });
  app.silent = true;
  let peak = 0;
  setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20).unref();
  process.on('message', (what) => {
    if (what === 'end') process.exit();
    const { user, system } = process.cpuUsage();
    process.send?.({ peak: Math.max(peak, process.memoryUsage.rss()), cpu: (user + system) / 1000 });
    peak = 0;
  });
}

/** @param {number} port @param {string} path @param {string} [cookie] */
async function ask(port, path, cookie) {
  const req = http.get({ port, host: '127.0.0.1', path, agent: false, headers: cookie ? { cookie } : {} });
  const [res] = await once(req, 'response');
  let text = '';
  for await (const part of res.setEncoding('utf8')) text += part;
  const sent = /** @type {string[]} */ (res.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  return { status: res.statusCode, text, cookie: sent };
}

/** Sends all requests at once on one connection; returns how many were answered with 200. */
function pipeline(/** @type {number} */ port, /** @type {number} */ writers, /** @type {string} */ cookie) {
  let text = '';
  for (let n = 0; n < writers; n += 1) text += `GET /put?k=${n} HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answered = 0;
    let good = 0;
    let rest = '';
    socket.setEncoding('latin1').on('error', reject);
    socket.on('close', () => resolve(good));
    socket.on('data', (part) => {
      const all = rest + part;
      for (const [, status] of all.matchAll(/HTTP\/1\.1 (\d+)/g)) {
        answered += 1;
        if (status === '200') good += 1;
      }
      rest = /HTTP\/1\.1 \d+/.test(all.slice(-12)) ? '' : (/H[^\n]{0,11}$/.exec(all)?.[0] ?? '');
      if (answered >= writers) socket.end(() => resolve(good));
    });
  });
}

/** @param {string} contestant @param {Crowd} crowd @param {number} [redis] */
async function measure(contestant, { writers, bytes, shape }, redis) {
  const child = fork(__filename, ['serve', contestant, ...(redis ? [String(redis)] : [])]);
  const [{ port }] = await once(child, 'message');
  const told = async () => {
    child.send('tell');
    const [message] = await once(child, 'message');
    return message;
  };
  const { cookie } = await ask(port, `/fill?bytes=${bytes}&shape=${shape}`);
  const other = (await ask(port, '/fill?bytes=10&shape=text')).cookie;
  // Warm up: compiling does not count.
  for (let n = 0; n < 300; n += 1) await ask(port, '/put?k=x', other);
  let waited = 0;
  let isOver = false;
  const visits = (async () => {
    while (!isOver) {
      const start = performance.now();
      await ask(port, '/count', other);
      waited = Math.max(waited, performance.now() - start);
      await pause(10);
    }
  })();
  const { cpu: before } = await told();
  const start = performance.now();
  const acknowledged = await pipeline(port, writers, cookie);
  const took = performance.now() - start;
  isOver = true;
  await visits;
  const { peak, cpu } = await told();
  const kept = Number((await ask(port, '/count', cookie)).text);
  child.send('end');
  return { acknowledged, kept, waited, peak: peak / 1e6, perWrite: (cpu - before) / writers, took };
}

async function main() {
  const redis = process.argv.includes('--redis') ? await require('./harness/redis').startRedis() : undefined;
  const only = process.env['CROWD'];
  const missed = [];
  let ofTen = 0;
  for (const crowd of CROWDS.filter(({ name }) => only === undefined || name.includes(only))) {
    console.log(`\n${crowd.name}`);
    for (const contestant of CONTESTANTS.filter((name) => name.includes(process.env['CONTESTANT'] ?? ''))) {
      const { acknowledged, kept, waited, peak, perWrite, took } = await measure(contestant, crowd, redis?.port);
      console.log(
        `  ${contestant.padEnd(20)} ${acknowledged} acknowledged, ${kept} kept; another visitor waited ${waited.toFixed(0)} ms at most; ` +
          `${peak.toFixed(0)} MB; ${perWrite.toFixed(3)} ms of CPU a write; ${(took / 1000).toFixed(1)} s`,
      );
      if (contestant !== 'koa-evented-session') continue;
      if (crowd.writers === 10) ofTen = perWrite;
      if (kept < acknowledged) missed.push(`${crowd.name}: ${acknowledged - kept} writes lost`);
      if (waited > MOST_WAIT) missed.push(`${crowd.name}: another visitor waited more than ${MOST_WAIT} ms`);
      if (peak > MOST_MEMORY) missed.push(`${crowd.name}: more than ${MOST_MEMORY} MB`);
      if (crowd.bytes === 100 && ofTen > 0 && perWrite > MOST_GROWTH * ofTen)
        missed.push(`${crowd.name}: dearer writes than in a crowd of 10`);
    }
  }
  await redis?.end();
  for (const line of missed) console.error(`missed: ${line}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

exports.measure = measure;

if (process.argv[2] === 'serve')
  serve(String(process.argv[3]), process.argv[4] === undefined ? undefined : Number(process.argv[4]));
else if (require.main === module) void main();
