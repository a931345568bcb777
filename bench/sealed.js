// What sealing adds to a read and a write of a record of 1 kB, in a MemoryStore. `npm run build && node bench/sealed.js`
// Fails if the median read costs more than 10 µs, or the median write more than 15 µs.
const path = require('node:path');

// Resolved at run time, so that types can be checked before the build.
const dist = path.join(__dirname, '../dist');
/** @type {typeof import('../lib/stores/memory')} */
const { MemoryStore } = require(path.join(dist, 'stores/memory.js'));
/** @type {typeof import('../lib/sealed')} */
const { sealed } = require(path.join(dist, 'sealed.js'));

const BYTES = 1024;
const RECORDS = 1000;
const ROUNDS = 101;
const DAY = 86_400_000;
const MAX_READ = 10;
const MAX_WRITE = 15;

/** @param {number} index */
const keyOf = (index) => `koa:sess:${String(index).padStart(24, '0')}`;

/** @param {number} index @param {number} round */
function recordOf(index, round) {
  const session = { user: { id: index, name: `user ${index}` }, round, note: '', cookie: { maxAge: DAY } };
  session.note = 'x'.repeat(BYTES - JSON.stringify(session).length);
  return JSON.stringify(session);
}

const plain = new MemoryStore();
const inner = new MemoryStore();
const outer = sealed(inner, { keys: ['fl1GkQvQAAoJlxXzb2Bb4sQ1Ol3HBNkXUaLVwHNoyEs='] });
/** @typedef {Pick<typeof plain, 'load' | 'swap' | 'create'>} Client */
const clients = /** @type {Client[]} */ ([plain, outer]);
for (const client of clients) for (let n = 0; n < RECORDS; n += 1) client.create(keyOf(n), recordOf(n, 0), DAY);

/** Microseconds of CPU time for each record: other programs do not count. @param {(index: number) => unknown} call */
function timed(call) {
  const start = process.cpuUsage();
  for (let n = 0; n < RECORDS; n += 1) call(n);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / RECORDS;
}

/** @param {number[]} figures */
const median = (figures) => figures.sort((a, b) => a - b)[figures.length >> 1] ?? 0;

const reads = /** @type {[number[], number[]]} */ ([[], []]);
const writes = /** @type {[number[], number[]]} */ ([[], []]);
for (let round = 1; round <= ROUNDS; round += 1) {
  // In turn, so that a slow moment of the machine concerns both.
  for (const [at, client] of clients.entries()) {
    const revisions = /** @type {number[]} */ ([]);
    reads[at]?.push(timed((n) => revisions.push(client.load(keyOf(n))?.revision ?? 0)));
    const records = Array.from({ length: RECORDS }, (_, n) => recordOf(n, round));
    writes[at]?.push(timed((n) => client.swap(keyOf(n), records[n] ?? '', DAY, revisions[n] ?? 0)));
  }
}
const [read, write] = [reads, writes].map(([without, sealing]) => median(sealing) - median(without));
console.log(`read: ${read?.toFixed(1)} µs, write: ${write?.toFixed(1)} µs, for a record of ${BYTES} bytes`);
process.exitCode = (read ?? 0) > MAX_READ || (write ?? 0) > MAX_WRITE ? 1 : 0;
for (const client of [plain, inner]) client.close();
