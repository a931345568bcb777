const { EventEmitter } = require('node:events');
const { MemoryStore } = require('koa-evented-session');

/** An in-memory store that can lose its connection and regain it, like a database. */
class MemoryClient extends EventEmitter {
  where = 'in memory';
  connected = true;
  #memory = new MemoryStore();
  /** @type {NodeJS.Timeout | undefined} */
  #back;

  /** @param {string} key */
  get(key) {
    return this.#reach().get(key);
  }

  /** @param {string} key @param {import('koa-evented-session').Session} session @param {number} ttl */
  set(key, session, ttl) {
    this.#reach().set(key, session, ttl);
  }

  /** @param {string} key */
  destroy(key) {
    this.#reach().destroy(key);
  }

  /** @param {string} key @param {number} ttl */
  touch(key, ttl) {
    return this.#reach().touch(key, ttl);
  }

  /** @param {string} key @param {{ ttl?: boolean }} [options] */
  load(key, options) {
    return this.#reach().load(key, options);
  }

  /** @param {string} key @param {string} record @param {number} ttl */
  create(key, record, ttl) {
    return this.#reach().create(key, record, ttl);
  }

  /** @param {string} key @param {string} record @param {number} ttl @param {number} expected */
  swap(key, record, ttl, expected) {
    return this.#reach().swap(key, record, ttl, expected);
  }

  /** @param {string} key */
  remove(key) {
    return this.#reach().remove(key);
  }

  /** @param {string} key @param {string} marker @param {number} ttl */
  take(key, marker, ttl) {
    return this.#reach().take(key, marker, ttl);
  }

  /** @param {string} key @param {number} length */
  mark(key, length) {
    return this.#reach().mark(key, length);
  }

  /** @param {string} index @param {string} key @param {number} ttl @param {number} elapsed @param {string} [from] */
  enroll(index, key, ttl, elapsed, from) {
    return this.#reach().enroll(index, key, ttl, elapsed, from);
  }

  /** @param {string} index @param {number} limit @param {{ key: string, end: number }} [after] */
  members(index, limit, after) {
    return this.#reach().members(index, limit, after);
  }

  /** @param {string} index @param {{ key: string, end?: number | undefined }[]} entries */
  dismiss(index, entries) {
    return this.#reach().dismiss(index, entries);
  }

  /** @param {string} index @param {number} keepFor */
  endedNow(index, keepFor) {
    return this.#reach().endedNow(index, keepFor);
  }

  /** @param {string} prefix @param {string} [cursor] */
  keys(prefix, cursor) {
    return this.#reach().keys(prefix, cursor);
  }

  /** @param {readonly string[]} keys */
  peek(keys) {
    return this.#reach().peek(keys);
  }

  /** @param {string} channel @param {string} message */
  publish(channel, message) {
    this.#reach().publish(channel, message);
  }

  /** @param {string} channel @param {(message: string) => void} listener @param {() => void} began */
  subscribe(channel, listener, began) {
    return this.#memory.subscribe(channel, listener, began);
  }

  /** Loses the connection, for `ms` milliseconds. @param {number} ms */
  goAway(ms) {
    this.connected = false;
    this.emit('disconnect');
    this.#back = setTimeout(() => {
      this.connected = true;
      this.emit('connect');
    }, ms);
  }

  async close() {
    clearTimeout(this.#back);
    this.#memory.close();
  }

  #reach() {
    if (!this.connected) throw new Error('the store is away');
    return this.#memory;
  }
}

module.exports = { MemoryClient };
