const { RedisStore } = require('koa-evented-session/redis');

/**
 * The methods of ioredis that the demo calls, in addition to those that the store uses.
 *
 * @typedef {object} Connection
 * @property {() => Promise<void>} connect
 * @property {() => void} disconnect
 * @property {(cursor: string, ...options: string[]) => Promise<[cursor: string, keys: string[]]>} scan
 */

/** A Redis store whose connection can be dropped and opened again. Redis itself keeps running: others may use it. */
class RedisClient extends RedisStore {
  where = 'in Redis';

  /** @param {string} url */
  constructor(url) {
    // docs/outages.md says why.
    super({ url, retryStrategy: (/** @type {number} */ times) => Math.min(times * 50, 500), maxRetriesPerRequest: 6 });
  }

  /** Lists the keys of records that start with `prefix`. The indexes of users are of another type. @param {string} prefix */
  async keys(prefix) {
    /** @type {Set<string>} */
    const found = new Set();
    let cursor = '0';
    do {
      const [next, keys] = await this.#connection.scan(
        cursor,
        'MATCH',
        `${prefix}*`,
        'COUNT',
        '1000',
        'TYPE',
        'string',
      );
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== '0');
    return [...found];
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
