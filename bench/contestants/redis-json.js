const { peer } = require('../peers');

const Redis = peer('ioredis');

/** The store that READMEs of the Koa family show: JSON in Redis. @param {number} port */
exports.redisJson = (port) => {
  const redis = new Redis(port);
  return {
    async get(/** @type {string} */ key) {
      const text = await redis.get(key);
      return text === null ? null : JSON.parse(text);
    },
    async set(/** @type {string} */ key, /** @type {object} */ session, /** @type {number} */ ttl) {
      await redis.set(key, JSON.stringify(session), 'PX', ttl);
    },
    async destroy(/** @type {string} */ key) {
      await redis.del(key);
    },
  };
};
