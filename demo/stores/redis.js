const { RedisStore } = require('koa-evented-session/redis');

/**
 * The methods of ioredis that the demo calls, in addition to those that the store uses.
 *
 * @typedef {object} Connection
 * @property {() => Promise<void>} connect
 * @property {() => void} disconnect
 */

/** A Redis store whose connection can be dropped and opened again. Redis itself keeps running: others may use it. */
class RedisClient extends RedisStore {
  where = 'in Redis';

  /** @param {string} url */
  constructor(url) {
    // docs/outages.md says why.
    super({ url, retryStrategy: (/** @type {number} */ times) => Math.min(times * 50, 500), maxRetriesPerRequest: 6 });
  }

  disconnect() {
    this.#connection.disconnect();
  }

  connect() {
    // If Redis is down, ioredis keeps trying, and the store reports it.
    this.#connection.connect().catch(() => undefined);
  }

  get #connection() {
    return /** @type {Connection} */ (/** @type {unknown} */ (this.client));
  }
}

module.exports = { RedisClient };
