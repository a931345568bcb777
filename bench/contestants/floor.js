const { randomUUID } = require('node:crypto');
const { peer } = require('../peers');
const { dataOf } = require('../workloads');

const Koa = peer('koa');
const Redis = peer('ioredis');

const DAY = 86_400_000;

/**
 * The commands of one turn of the event loop leave in one write, as those of the package's store do: it corks the socket of ioredis.
 *
 * @param {any} redis
 */
function batched(redis) {
  const send = redis.sendCommand;
  /** @type {any} */
  let corked;
  redis.sendCommand = (/** @type {any} */ command, /** @type {any} */ stream) => {
    const socket = redis.stream;
    if (redis.status === 'ready' && socket !== corked) {
      corked = socket;
      socket.cork();
      setImmediate(() => {
        corked = undefined;
        socket.uncork();
      });
    }
    return send.call(redis, command, stream);
  };
  return redis;
}

/** How the floor's commands reach Redis. @type {Record<string, (port: number) => any>} */
const CLIENTS = {
  batched: (port) => batched(new Redis(port)),
  plain: (port) => new Redis(port),
  pipelined: (port) => new Redis({ port, enableAutoPipelining: true }),
};

/**
 * The least that a session costs: Koa, the id from the header, one GET, a PEXPIRE or SET if the workload needs it, and JSON if the
 * handler needs the data. No signature, no check, no comparison. `floor:pipelined` has ioredis' own `enableAutoPipelining` in place of
 * one write for all commands of a turn, and `floor:plain` neither.
 *
 * @param {import('../workloads').Workload} workload
 * @param {number} port
 */
module.exports = (workload, port, kind = 'batched') => {
  const client = CLIENTS[kind];
  if (client === undefined) throw new TypeError(`Expected one of ${Object.keys(CLIENTS)}, got ${kind}`);
  const redis = client(port);
  const text = JSON.stringify(dataOf(workload.bytes));
  const app = new Koa();

  const create = async (/** @type {any} */ ctx) => {
    const sid = randomUUID();
    await redis.set(`floor:${sid}`, JSON.stringify(JSON.parse(text)), 'PX', DAY);
    ctx.set('Set-Cookie', `sid=${sid}; path=/; httponly`);
    ctx.body = 'created';
  };

  const read = async (/** @type {any} */ ctx) => {
    const cookie = ctx.get('Cookie');
    const key = `floor:${cookie.slice(4)}`;
    const session = JSON.parse(await redis.get(key));
    if (workload.rolling) {
      await redis.pexpire(key, DAY);
      ctx.set('Set-Cookie', `${cookie}; path=/; httponly`);
    }
    ctx.body = session.user.name;
  };

  const write = async (/** @type {any} */ ctx) => {
    const key = `floor:${ctx.get('Cookie').slice(4)}`;
    const session = JSON.parse(await redis.get(key));
    session.views += 1;
    await redis.set(key, JSON.stringify(session), 'PX', DAY);
    ctx.body = session.user.name;
  };

  const nothing = async (/** @type {any} */ ctx) => {
    if (workload.cookie && !workload.defer) await redis.get(`floor:${ctx.get('Cookie').slice(4)}`);
    ctx.body = 'nothing';
  };

  const work = { create, read, write, nothing }[workload.use];
  app.use((/** @type {any} */ ctx) => (ctx.path === '/create' ? create(ctx) : work(ctx)));
  return app.callback();
};
