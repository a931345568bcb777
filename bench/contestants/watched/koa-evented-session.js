const { own, peer } = require('../../peers');
const { dataOf } = require('../../workloads');
const { idOf, watchedSite } = require('./site');

// The look-up comes every 20 s: the bench calls it instead of waiting.
const LOOK_UP = 20_000;
/** @type {(() => void)[]} */
const lookUps = [];
const { setInterval: begin } = global;
// @ts-expect-error: the types of setInterval have more overloads than a bench needs.
global.setInterval = (/** @type {() => void} */ run, /** @type {number} */ ms) => {
  if (ms === LOOK_UP) lookUps.push(run);
  return begin(run, ms);
};

/** @type {typeof import('../../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../../lib/redis')} */
const { redisStore } = peer(`${own}/redis`);

const Koa = peer('koa');
const Redis = peer('ioredis');

const DAY = 86_400_000;

/** @type {(workload: import('../../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const store = redisStore({ client: new Redis(port) });
  const app = new Koa();
  const sessions = session({ app, store, broadcastEndings: true, key: 'sid', cookie: { signed: false } });
  const text = JSON.stringify({ cookie: {}, ...dataOf(workload.bytes) });

  return watchedSite({
    create: (n) => store.create(`koa:sess:${idOf(n)}`, text, DAY),
    async watch(n, listener, req) {
      const visit = Object.create(req, { headers: { value: { cookie: `sid=${idOf(n)}` } } });
      if ((await sessions.watch(visit, listener)) === null) throw new Error(`${idOf(n)} is missing`);
    },
    end: () => sessions.store.clear(),
    lookUp() {
      for (const run of lookUps) run();
    },
  });
};
