const { RedisStore } = require('koa-evented-session/redis');

/** A Redis store whose connection can be broken for a while. Redis itself keeps running: others may use it. */
class RedisClient extends RedisStore {
  where = 'in Redis';
  #outage;

  /** @param {string} url */
  constructor(url) {
    const outage = { end: 0 };
    super({
      url,
      // docs/outages.md says why, of both.
      retryStrategy: (/** @type {number} */ times) => Math.max(outage.end - Date.now(), Math.min(times * 50, 500)),
      maxRetriesPerRequest: 6,
    });
    this.#outage = outage;
  }

  /**
   * Breaks the connection as a failing network does: ioredis opens it again, though not within the next `ms` milliseconds. A
   * connection that is closed on purpose would refuse the requests that are on their way.
   *
   * @param {number} ms
   */
  goAway(ms) {
    this.#outage.end = Date.now() + ms;
    const connection = /** @type {{ disconnect(reconnect: boolean): void }} */ (/** @type {unknown} */ (this.client));
    connection.disconnect(true);
  }
}

module.exports = { RedisClient };
