// The cost of a MemoryStore with a million sessions of 200 bytes. `npm run build && node bench/memory-store.js`
// Fails above 1 GB of resident memory, or if the median `get` or `set` takes more than 5 µs; means include garbage collection.
const path = require('node:path');

// Resolved at run time, so that types can be checked before the build.
const built = path.join(__dirname, '../dist/stores/memory.js');
/** @type {typeof import('../lib/stores/memory')} */
const { MemoryStore } = require(built);

const SESSIONS = 1_000_000;
const BYTES = 200;
const CALLS = 1_000_000;
const BATCH = 1000;
const MAX_RESIDENT_BYTES = 1024 ** 3;
const MAX_MICROSECONDS = 5;

/** Duration of every timer callback in milliseconds; the only timers are those of the store's sweep. */
const ticks = /** @type {number[]} */ ([]);
const { setTimeout: realSetTimeout } = globalThis;
Object.assign(globalThis, {
  setTimeout: (/** @type {() => void} */ callback, /** @type {number} */ delay) =>
    realSetTimeout(() => {
      const start = performance.now();
      callback();
      ticks.push(performance.now() - start);
    }, delay),
});

/** @param {number} index */
function keyOf(index) {
  return `koa:sess:${String(index).padStart(24, '0')}`;
}

/** @param {number} index */
function sessionOf(index) {
  const session = {
    cookie: { path: '/', httpOnly: true, signed: true, maxAge: 86_400_000, overwrite: true },
    user: { id: index, name: `user ${index}` },
    note: '',
  };
  session.note = 'x'.repeat(Math.max(0, BYTES - JSON.stringify(session).length));
  return session;
}

/**
 * Times batches of calls, for sessions in random order.
 *
 * @param {string} name
 * @param {(key: string, index: number) => unknown} call
 */
function measure(name, call) {
  const batches = /** @type {number[]} */ ([]);
  for (let i = 0; i < CALLS / BATCH; i++) {
    const keys = Array.from({ length: BATCH }, () => keyOf(Math.floor(Math.random() * SESSIONS)));
    const start = performance.now();
    for (const [index, key] of keys.entries()) call(key, index);
    batches.push(performance.now() - start);
  }
  batches.sort((a, b) => a - b);
  const microseconds = 1000 / BATCH;
  const median = (batches[batches.length >> 1] ?? 0) * microseconds;
  const mean = (batches.reduce((total, ms) => total + ms) / batches.length) * microseconds;
  const longest = batches.at(-1) ?? 0;
  console.log(
    `${name}: median ${median.toFixed(2)} µs, mean ${mean.toFixed(2)} µs, longest ${BATCH} calls ${longest.toFixed(1)} ms`,
  );
  return median;
}

/**
 * @param {string} name
 * @param {() => boolean} done
 */
async function sweep(name, done) {
  ticks.length = 0;
  const start = performance.now();
  while (!done()) await new Promise((resolve) => realSetTimeout(resolve, 50));
  const sum = ticks.reduce((total, ms) => total + ms, 0);
  console.log(
    `${name}: ${ticks.length} ticks in ${((performance.now() - start) / 1000).toFixed(1)} s, ` +
      `mean ${(sum / ticks.length).toFixed(2)} ms, longest ${Math.max(...ticks).toFixed(1)} ms`,
  );
}

async function main() {
  const sessions = Array.from({ length: BATCH }, (_, i) => sessionOf(i));
  const store = new MemoryStore();
  for (let i = 0; i < SESSIONS; i++) store.set(keyOf(i), sessionOf(i), 86_400_000);
  const megabytes = (/** @type {number} */ bytes) => (bytes / 1024 ** 2).toFixed(0);
  console.log(`resident with ${store.size} sessions: ${megabytes(process.memoryUsage.rss())} MB`);

  const get = measure('get', (key) => store.get(key));
  const set = measure('set', (key, index) => store.set(key, sessions[index] ?? sessionOf(index), 86_400_000));
  measure('set of a new session when full', (key, index) =>
    store.set(`${key}new`, sessions[index] ?? sessionOf(index), 86_400_000),
  );
  const resident = process.memoryUsage.rss();
  console.log(`resident after ${3 * CALLS} calls: ${megabytes(resident)} MB`);

  const until = performance.now() + 5000;
  await sweep('sweep, nothing expired', () => performance.now() > until);
  store.close();
  for (let i = 0; i < SESSIONS; i++) store.set(keyOf(i), sessions[i % BATCH] ?? sessionOf(i), 5000);
  await sweep('sweep, everything expired', () => store.size === 0);

  const failed = resident > MAX_RESIDENT_BYTES || get > MAX_MICROSECONDS || set > MAX_MICROSECONDS;
  console.log(failed ? 'over the limits' : 'within the limits');
  process.exitCode = failed ? 1 : 0;
}

void main();
