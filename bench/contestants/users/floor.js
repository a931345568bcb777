const { randomUUID } = require('node:crypto');
const { peer } = require('../../peers');
const { dataOf } = require('../../workloads');
const { BIG, usersSite } = require('./site');

const Koa = peer('koa');
const Redis = peer('ioredis');

const DAY = 86_400_000;
const AT_ONCE = 1000;

/** The least that sessions of a user cost: a sorted set for each user, and no care for what happens at the same time. @type {(workload: import('../../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const redis = new Redis(port);
  const text = JSON.stringify(dataOf(workload.bytes));

  const login = async (/** @type {string} */ user) => {
    const sid = randomUUID();
    const now = Date.now();
    await redis.zadd(`floor:user:${user}`, now + DAY, sid);
    await redis.set(`floor:${sid}`, JSON.stringify({ ...JSON.parse(text), owner: user }), 'PX', DAY);
    return sid;
  };
  /** The ids in pages. */
  const pages = async function* () {
    const sids = await redis.zrangebyscore(`floor:user:${BIG}`, Date.now(), '+inf');
    for (let first = 0; first < sids.length; first += AT_ONCE) {
      yield sids.slice(first, first + AT_ONCE).map((/** @type {string} */ sid) => `floor:${sid}`);
    }
  };
  const list = async () => {
    const sessions = [];
    for await (const keys of pages()) {
      for (const record of await redis.mget(keys)) if (record !== null) sessions.push(JSON.parse(record));
    }
    return sessions.length;
  };
  const endAll = async () => {
    let count = 0;
    for await (const keys of pages()) count += await redis.del(keys);
    await redis.del(`floor:user:${BIG}`);
    return count;
  };

  const app = new Koa();
  app.use(async (/** @type {any} */ ctx) => {
    ctx.set('Set-Cookie', `sid=${await login(ctx.query.user)}; path=/; httponly`);
    ctx.body = 'welcome';
  });
  return usersSite(app.callback(), { fill: () => login(BIG), list, endAll });
};
