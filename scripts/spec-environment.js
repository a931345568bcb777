const { AsyncLocalStorage } = require('node:async_hooks');
const { TestEnvironment } = require('jest-environment-node');

/**
 * What has run in this process. Node never forgets a storage by itself, and copies the store of each one to every promise: a worker
 * would get slower with every file.
 *
 * @type {Set<AsyncLocalStorage<unknown>>}
 */
const storages = new Set();

for (const name of /** @type {const} */ (['run', 'enterWith'])) {
  const method = AsyncLocalStorage.prototype[name];
  /** @this {AsyncLocalStorage<unknown>} @param {unknown[]} args */
  const noted = function (...args) {
    storages.add(this);
    return Reflect.apply(method, this, args);
  };
  Object.assign(AsyncLocalStorage.prototype, { [name]: noted });
}

/** Jest's environment for Node, which also disables the storages of a file after it. */
module.exports = class SpecEnvironment extends TestEnvironment {
  /** @override */
  async teardown() {
    for (const storage of storages) storage.disable();
    storages.clear();
    await super.teardown();
  }
};
