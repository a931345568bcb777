const { RedisStore } = require('koa-evented-session/redis');

/**
 * The part of ioredis that is used here beside what the store needs.
 *
 * @typedef {object} Connection
 * @property {() => Promise<void>} connect
 * @property {() => void} disconnect
 * @property {(cursor: string, ...options: string[]) => Promise<[cursor: string, keys: string[]]>} scan
 */

/** Sessions in Redis over a connection that can be dropped and made anew. Redis itself is left alone: others may use it. */
class RedisClient extends RedisStore {
  where = 'in Redis';

  /** @param {string} url */
  constructor(url) {
    // docs/outages.md says why.
    super({ url, retryStrategy: (/** @type {number} */ times) => Math.min(times * 50, 500), maxRetriesPerRequest: 6 });
  }

  /** The keys that start with `prefix`. @param {string} prefix */
  async keys(prefix) {
    /** @type {Set<string>} */
    const found = new Set();
    let cursor = '0';
    do {
      const [next, keys] = await this.#connection.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000');
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== '0');
    return [...found];
  }

  disconnect() {
    this.#connection.disconnect();
  }

  connect() {
    // Where Redis is not there, ioredis goes on trying, and the store tells of it.
    this.#connection.connect().catch(() => undefined);
  }

  get #connection() {
    return /** @type {Connection} */ (/** @type {unknown} */ (this.client));
  }
}

module.exports = { RedisClient };
