// CPU time per request of knexStore on PostgreSQL and MariaDB, compared with the same statements by the driver and by Knex alone:
// `npm run bench:sql`. To run a part of it: `npm run bench:sql -- --database MariaDB --workload read,login --contestant knex --rounds 3
// --seconds 1`. Without arguments it writes its parts of RESULTS.md. Fails if this package misses its target.
const { startContestant } = require('./harness/contestant');
const { LOAD_CORE, pinned } = require('./harness/cores');
const { sqlServers } = require('./harness/databases');
const { interleave } = require('./harness/interleave');
const { visitors } = require('./harness/measure');
const { benchOptions } = require('./harness/options');
const { surroundings, writePart } = require('./harness/report');
const { interop, own, peer } = require('./peers');

/** @type {typeof import('../lib/knex')} */
const { createSessionsTable, createSessionUsersTable } = peer(`${own}/knex`);

const OWN = 'koa-evented-session';
const KNEX = 'knex';
const CONTESTANTS = ['floor', KNEX, OWN];
/** What Knex calls the driver of each database. */
const DRIVERS = { PostgreSQL: 'pg', MariaDB: 'mysql2' };
/**
 * Starts each with room for all rows that a workload writes. With that of the specs, MariaDB's log of 16 MB is full after a few seconds,
 * and no request is answered until it has been written out.
 */
const roomy = {
  PostgreSQL: () => sqlServers.PostgreSQL({ settings: { shared_buffers: '512MB', max_wal_size: '4GB' } }),
  MariaDB: () => sqlServers.MariaDB({ args: ['--innodb-log-file-size=1G', '--innodb-buffer-pool-size=1G'] }),
};
const VISITORS = 200;
const CONNECTIONS = 32;
/** Rounds before those that count: a server answers fewer requests a second here than on Redis, and is optimised later. */
const WARM_UP = 5;
/** Maximum CPU time per request, relative to Knex alone. */
const TARGET = 1.15;

const WORKLOADS = [
  { name: 'read', use: 'read' },
  { name: 'write', use: 'write' },
  { name: 'create', use: 'create' },
  { name: 'login', use: 'create', login: true },
].map((workload) => ({ bytes: 1000, cookie: workload.use !== 'create', ...workload }));

const options = benchOptions({ rounds: 9, lists: ['database', 'workload', 'contestant'] });
const { rounds, seconds, contestant: names = CONTESTANTS } = options;

/**
 * @typedef {keyof typeof DRIVERS} Name
 * @typedef {{ workload: (typeof WORKLOADS)[number], rows: import('./harness/interleave').Row[] }} Table
 */

/** @param {(typeof WORKLOADS)[number]} workload @param {import('knex').Knex.Config} database @returns {Promise<Table>} */
async function play(workload, database) {
  const knex = interop('knex')(database);
  const entries = [];
  try {
    for (const name of names) {
      // The rows of one workload must not slow down another one.
      const table = `${workload.name}_${name.replaceAll('-', '_')}`;
      await createSessionsTable(knex, { table });
      await createSessionUsersTable(knex, { table });
      const given = /** @type {any} */ ({ ...workload, table, database });
      const contestant = await startContestant(`sql/${name}`, given, 0);
      entries.push({ contestant, cookies: workload.cookie ? await visitors(contestant.port, VISITORS) : [''] });
    }
    const path = workload.use === 'create' ? '/create' : '/';
    return { workload, rows: await interleave(entries, { path, connections: CONNECTIONS, seconds }, rounds, WARM_UP) };
  } finally {
    for (const { contestant } of entries) await contestant.end();
    await knex.destroy();
  }
}

/** @param {Name} name @param {Table[]} tables */
function tableOf(name, tables) {
  /** @param {string} title @param {(table: Table) => string} cell */
  const line = (title, cell) => `| ${title} | ${tables.map(cell).join(' | ')} |`;
  /** @type {Record<string, string>} */
  const titles = { floor: `${DRIVERS[name]} alone`, [KNEX]: 'Knex alone', [OWN]: OWN };
  return [
    line('CPU µs a request (of Knex alone)', ({ workload }) => workload.name),
    `|---|${'---:|'.repeat(tables.length)}`,
    ...names.map((each) =>
      line(titles[each] ?? each, (table) => {
        const row = rowOf(table, each);
        return row ? `${row.cpu.toFixed(1)} (${row.ratioTo(`sql/${KNEX}`).toFixed(2)})` : '–';
      }),
    ),
    line(`target for ${OWN}`, () => TARGET.toFixed(2)),
    line(
      'median deviation, the largest',
      ({ rows }) => `${(Math.max(...rows.map((row) => row.deviation)) * 100).toFixed(1)} %`,
    ),
  ].join('\n');
}

/** @param {Table} table @param {string} name */
function rowOf({ rows }, name) {
  return rows.find((row) => row.name === `sql/${name}`);
}

/** @param {Name} name */
async function measure(name) {
  const database = await roomy[name]();
  pinned(database.server.pid, LOAD_CORE);
  try {
    const tables = [];
    for (const workload of WORKLOADS.filter((each) => options.workload?.includes(each.name) ?? true)) {
      tables.push(await play(workload, database.config));
    }
    const table = tableOf(name, tables);
    console.log(`\n${name}\n${table}`);
    const missed = tables.filter((each) => Number(rowOf(each, OWN)?.ratioTo(`sql/${KNEX}`)) > TARGET);
    return { name, table, missed: missed.map(({ workload }) => `${workload.name} on ${name}`) };
  } finally {
    await database.stop();
  }
}

async function main() {
  const chosen = /** @type {Name[]} */ (options.database ?? Object.keys(DRIVERS));
  // The servers of the specs do not keep the process alive, even while they stop.
  const alive = setInterval(() => undefined, 1000);
  const results = [];
  for (const name of chosen) results.push(await measure(name));
  clearInterval(alive);
  if (options.isWhole) {
    const how = [
      '`npm run bench:sql`: CPU time of the server process for each request. Knex alone is bare Koa that sends the statements of',
      '`knexStore` with Knex, and the first line the same with the driver; neither signs, checks or merges. `login` is `create` with the',
      `option \`user\`. Medians of ${rounds} interleaved rounds of ${seconds} s after ${WARM_UP} to warm up, and of the ratios within each;`,
      `${CONNECTIONS} connections, ${VISITORS} visitors, sessions of 1 kB.`,
    ].join('\n');
    const versions = ['knex', 'pg', 'mysql2'].map((each) => `${each} ${interop(`${each}/package.json`).version}`);
    const parts = results.map(({ name, table }) => `### ${name}\n\n${table}`);
    writePart('SQL', [how, surroundings(), `${versions.join(', ')}.`, ...parts].join('\n\n'));
  }
  const missed = results.flatMap((result) => result.missed);
  if (missed.length === 0) return;
  console.log(`\nover the target: ${missed.join(', ')}`);
  process.exitCode = 1;
}

void main();
