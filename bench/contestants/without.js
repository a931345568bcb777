const Module = require('node:module');
const { koaApp } = require('./koa-app');
const { own, peer } = require('../peers');

/**
 * What each optimisation is in the compiled package: the file, and a text whose replacement turns it off. `options` are for ioredis.
 *
 * @type {Record<string, { edits: [file: string, from: string, to: string][], options?: object }>}
 */
const OPTIMISATIONS = {
  signatures: {
    edits: [
      ['cookies/signatures.js', 'idsFor(signer) {', 'idsFor() { return undefined;'],
      ['cookies/signatures.js', '#remember(data, signature, index) {', '#remember() { return;'],
    ],
  },
  header: { edits: [['cookies/signatures.js', 'idsFor(signer) {', 'idsFor() { return undefined;']] },
  'set-cookie': { edits: [['cookies/set-cookie.js', '#recall(ctx, attributes) {', '#recall() { return undefined;']] },
  batch: { edits: [['stores/redis/batch.js', 'join(stream, length) {', 'join() { return;']] },
  'batch-but-pipelining': {
    edits: [['stores/redis/batch.js', 'join(stream, length) {', 'join() { return;']],
    options: { enableAutoPipelining: true },
  },
  // Not an optimisation: what the channels cost while nobody listens.
  tracing: {
    edits: [
      ['client/tracing.js', 'function isTraced() {', 'function isTraced() { return false;'],
      ['base/session-channel.js', 'continued = false) {', 'continued = false) { return;'],
    ],
  },
  unread: {
    edits: [
      [
        'middleware/options.js',
        'function mayStayUnread({',
        'function mayStayUnread() { return false; } function unused({',
      ],
    ],
  },
  snapshot: { edits: [['session/baseline.js', 'LONGEST_SNAPSHOT = 2048', 'LONGEST_SNAPSHOT = 0']] },
  'drawn-ids': { edits: [['session/id.js', 'const DRAWN = 64', 'const DRAWN = 1']] },
  'letting-go': {
    edits: [
      ['persistence/write-queue.js', 'this.#current = NO_VERSION;', ''],
      ['persistence/write-queue.js', 'this.#first = this.#bases = this.#done = undefined;', ''],
    ],
  },
  blocks: { edits: [['stores/redis/utf8.js', 'SHORT = 1536', 'SHORT = Number.POSITIVE_INFINITY']] },
};

/**
 * This package without one of its optimisations: `without:batch`.
 *
 * @type {(workload: import('../workloads').Workload, port: number, name: string) => any}
 */
module.exports = (workload, port, name) => {
  const optimisation = OPTIMISATIONS[name];
  if (optimisation === undefined) throw new TypeError(`Expected one of ${Object.keys(OPTIMISATIONS)}, got ${name}`);
  const left = editWhenLoaded(optimisation.edits);
  /** @type {typeof import('../../lib/main')} */
  const session = peer(own);
  /** @type {typeof import('../../lib/redis')} */
  const { redisStore } = peer(`${own}/redis`);
  if (left.size > 0) throw new Error(`Expected the build to have ${[...left]}`);
  const Redis = peer('ioredis');
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ client: new Redis({ port, ...optimisation.options }) });
  return koaApp(workload, () => session({ store, rolling, defer }), { defer });
};

/** @param {[file: string, from: string, to: string][]} edits @returns {Set<string>} those that no file has had so far */
function editWhenLoaded(edits) {
  const left = new Set(edits.map(([, from]) => from));
  const prototype = /** @type {{ _compile(text: string, file: string): unknown }} */ (
    /** @type {any} */ (Module).prototype
  );
  const compile = prototype._compile;
  prototype._compile = function (text, file) {
    let edited = text;
    for (const [place, from, to] of edits) {
      if (!file.endsWith(place) || !edited.includes(from)) continue;
      edited = edited.replace(from, to);
      left.delete(from);
    }
    return compile.call(this, edited, file);
  };
  return left;
}
