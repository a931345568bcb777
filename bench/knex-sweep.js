// Whether sweeping 100 000 expired rows among a million delays reads. `npm run bench:sweep`; name databases to measure
// only those, `npm run bench:sweep -- MariaDB SQLite`. Fails if a read takes more than 100 ms.
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const { sqlDatabases } = require('./harness/databases');

// Resolved at run time, so that types can be checked before the build.
const built = path.join(__dirname, '../dist/knex.js');
/** @type {typeof import('../lib/knex')} */
const { createSessionsTable, knexStore } = require(built);

const ROWS = 1_000_000;
const EVERY = 10;
const AT_ONCE = 100_000;
const HOUR = 60 * 60 * 1000;
/** Milliseconds between two reads. */
const READ_EVERY = 5;
const CALM = 3000;
const MAX_MILLISECONDS = 100;

const record = `{"cookie":{"path":"/","httpOnly":true,"maxAge":86400000},"user":{"name":"ann"},"note":"${'x'.repeat(120)}"}`;

/** @typedef {import('../spec/helpers/databases/sql-databases').SqlDatabase} SqlDatabase */

/** Databases with their default durability, and enough memory for the table, as on a dedicated machine. @type {Record<string, () => Promise<SqlDatabase>>} */
const databases = {
  MariaDB: () =>
    sqlDatabases.MariaDB({
      args: [
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-flush-method=O_DIRECT',
        '--innodb-buffer-pool-size=1G',
        '--innodb-log-file-size=512M',
      ],
    }),
  PostgreSQL: () =>
    sqlDatabases.PostgreSQL({
      settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '512MB', max_wal_size: '4GB' },
    }),
  SQLite: () => sqlDatabases.SQLite(),
};

/** The settings that docs/sql.md recommends. @type {Record<string, import('knex').Knex.Config>} */
const settings = {
  SQLite: {
    pool: {
      min: 1,
      max: 1,
      afterCreate: (/** @type {any} */ connection, /** @type {() => void} */ done) => {
        connection.pragma('journal_mode = WAL');
        connection.pragma('busy_timeout = 5000');
        done();
      },
    },
  },
};

/** SQL that generates rows for a range of numbers: an id, and a number that determines the expiry. @type {Record<string, string>} */
const numbered = {
  MariaDB: `select concat('koa:sess:', md5(seq)) as id, uuid() as revision, seq as n from seq_1_to_${ROWS} where seq between ? and ?`,
  PostgreSQL: `select 'koa:sess:' || md5(n::text) as id, gen_random_uuid()::text as revision, n from generate_series(?::bigint, ?::bigint) as n`,
  SQLite: `with recursive numbers(n) as (select ? union all select n + 1 from numbers where n < ?)
    select 'koa:sess:' || hex(randomblob(16)) as id, hex(randomblob(18)) as revision, n from numbers`,
};

/** @param {string} name @param {import('knex').Knex} knex */
async function fill(name, knex) {
  await createSessionsTable(knex);
  const now = Date.now();
  const number = name === 'PostgreSQL' ? '?::bigint' : '?';
  for (let first = 1; first <= ROWS; first += AT_ONCE) {
    // Inserting in the order of ids is faster.
    await knex.raw(
      `insert into sessions (id, record, revision, expires)
       select id, '${record}', revision, case when n % ${EVERY} = 0 then ${number} - n else ${number} + n end
       from (${numbered[name]}) as made order by id`.replaceAll('\\?', '?'),
      [now, now + HOUR, first, first + AT_ONCE - 1],
    );
  }
  if (name === 'PostgreSQL') await knex.raw('vacuum analyze sessions');
}

/**
 * Measures reads while `work` runs. Each read starts at a fixed time and is timed from then on, whether or not earlier ones have
 * finished, so that a busy process cannot hide delays.
 *
 * @param {import('../lib/knex').KnexStore} store
 * @param {readonly string[]} ids
 * @param {() => Promise<unknown>} work
 */
async function readDuring(store, ids, work) {
  const times = /** @type {number[]} */ ([]);
  const read = async (/** @type {number} */ due) => {
    const found = await store.load(ids[Math.floor(Math.random() * ids.length)] ?? '');
    if (!found) throw new Error('a session is missing that has not expired');
    times.push(performance.now() - due);
  };
  const reads = /** @type {Promise<void>[]} */ ([]);
  const start = performance.now();
  let isDone = false;
  const working = work().finally(() => {
    isDone = true;
  });
  for (let due = start; !isDone; due += READ_EVERY) {
    await pause(Math.max(0, due - performance.now()));
    reads.push(read(due));
  }
  await working;
  const seconds = (performance.now() - start) / 1000;
  await Promise.all(reads);
  times.sort((a, b) => a - b);
  const longest = times.at(-1) ?? Number.NaN;
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  const figures = `longest read ${longest.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, of ${times.length}`;
  return { seconds, longest, figures };
}

/** @param {string} name */
async function measure(name) {
  const database = await /** @type {() => Promise<SqlDatabase>} */ (databases[name])();
  try {
    const knex = database.open(settings[name]);
    const start = performance.now();
    await fill(name, knex);
    console.log(`${name}: ${ROWS} rows, made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    const rows = await knex('sessions').select('id').where('expires', '>', Date.now()).whereRaw('expires % 100 < 2');
    const ids = rows.map(({ id }) => String(id));
    const store = knexStore({ knex, sweepInterval: 0 });
    const calm = await readDuring(store, ids, () => pause(CALM));
    console.log(`${name}: at rest ${calm.figures}`);
    let removed = 0;
    const swept = await readDuring(store, ids, async () => {
      removed = await store.sweep();
    });
    console.log(`${name}: ${removed} rows swept in ${swept.seconds.toFixed(1)} s; meanwhile ${swept.figures}`);
    return removed === ROWS / EVERY && swept.longest <= MAX_MILLISECONDS;
  } finally {
    await database.stop();
  }
}

async function main() {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(databases);
  // The servers of the specs do not keep the process alive, even while they stop.
  const alive = setInterval(() => undefined, 1000);
  const results = [];
  for (const name of names) results.push(await measure(name));
  clearInterval(alive);
  const holds = results.every(Boolean);
  console.log(holds ? 'within the limits' : 'over the limits');
  process.exitCode = holds ? 0 : 1;
}

void main();
