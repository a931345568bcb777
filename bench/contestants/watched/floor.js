const { peer } = require('../../peers');
const { dataOf } = require('../../workloads');
const { idOf, watchedSite } = require('./site');

const Redis = peer('ioredis');

const DAY = 86_400_000;
const AT_ONCE = 1000;
const CHANNEL = 'floor:endings';

/** The least that it takes to be told of ends: one SUBSCRIBE, a Map, and no care for lost messages. @type {(workload: import('../../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const redis = new Redis(port);
  const text = JSON.stringify(dataOf(workload.bytes));
  /** @type {Map<string, () => void>} */
  const listeners = new Map();
  /** @type {any} */
  let subscriber;

  return watchedSite({
    create: (n) => redis.set(`floor:${idOf(n)}`, text, 'PX', DAY),
    async watch(n, listener) {
      if (subscriber === undefined) {
        subscriber = new Redis(port);
        subscriber.on('message', (/** @type {string} */ _channel, /** @type {string} */ sid) => {
          listeners.get(sid)?.();
          listeners.delete(sid);
        });
        await subscriber.subscribe(CHANNEL);
      }
      if (JSON.parse(await redis.get(`floor:${idOf(n)}`)) !== null) listeners.set(idOf(n), listener);
    },
    async end(count) {
      for (let first = 0; first < count; first += AT_ONCE) {
        const sids = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, n) => idOf(first + n));
        await redis.del(sids.map((sid) => `floor:${sid}`));
        await Promise.all(sids.map((sid) => redis.publish(CHANNEL, sid)));
      }
    },
    lookUp: () => undefined,
  });
};
