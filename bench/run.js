// CPU time per request of this package and its peers, compared with a bare GET: `npm run bench`. To run a part of it: `npm run bench --
// --workload read,write --contestant floor,koa-evented-session --rounds 3 --seconds 1`. Without arguments it writes RESULTS.md. The
// contestant `without:batch` is this package without one of its optimisations; contestants/without.js lists them.
const { parseArgs } = require('node:util');
const { startContestant } = require('./harness/contestant');
const { deviation, median, round, visitors, WARM_UP } = require('./harness/measure');
const { surroundings, writePart } = require('./harness/report');
const { startRedis } = require('./harness/redis');
const { workloads } = require('./workloads');

const OWN = 'koa-evented-session';
const PREDECESSOR = 'koa-generic-session';
const CONTESTANTS = [
  'floor',
  'floor:pipelined',
  OWN,
  'koa-evented-session-on-koa-redis',
  PREDECESSOR,
  'koa-session',
  'koa-session-minimal',
  'express-session',
];
const VISITORS = 200;
const CONNECTIONS = 32;
/** Above this median deviation of a contestant's rounds, as a fraction of their median, the machine was probably busy. */
const CALM = 0.15;
/** How often a workload runs at most. */
const TRIES = 3;
/** How often each contestant is started: the same program is up to 15 % slower in one process than in another. */
const STARTS = 3;

const { values } = parseArgs({
  options: {
    workload: { type: 'string' },
    contestant: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const names = values.contestant?.split(',') ?? CONTESTANTS;
const chosen = workloads.filter(({ name }) => values.workload?.split(',').includes(name) ?? true);

/**
 * @typedef {{ name: string, perSecond: number, cpu: number, deviation: number, ratio: number, share: number }} Row
 * @typedef {{ workload: import('./workloads').Workload, rows: Row[] }} Table
 */

/** @typedef {{ perSecond: number, cpu: number }[]} Measured */

/**
 * Interleaves the contestants and begins each round with another one, so that disturbances affect all of them.
 *
 * @param {import('./workloads').Workload} workload
 * @param {number} redisPort
 * @param {Map<string, Measured>} results
 */
async function playOnce(workload, redisPort, results) {
  /** @type {{ contestant: import('./harness/contestant').Contestant, cookies: string[] }[]} */
  const running = [];
  for (const name of names) {
    const contestant = await startContestant(name, workload, redisPort);
    const cookies = workload.cookie ? await visitors(contestant.port, VISITORS) : [''];
    running.push({ contestant, cookies });
  }
  try {
    const path = workload.use === 'create' ? '/create' : '/';
    for (let n = -WARM_UP; n < rounds / STARTS; n += 1) {
      for (const { contestant, cookies } of running) {
        const result = await round(contestant, { path, cookies, connections: CONNECTIONS, seconds });
        if (n >= 0) results.get(contestant.name)?.push(result);
      }
      running.push(...running.splice(0, 1));
    }
  } finally {
    for (const { contestant } of running) await contestant.end();
  }
}

/**
 * @param {import('./workloads').Workload} workload
 * @param {number} redisPort
 * @returns {Promise<Table>}
 */
async function play(workload, redisPort) {
  const results = new Map(names.map((name) => [name, /** @type {Measured} */ ([])]));
  for (let n = 0; n < STARTS; n += 1) await playOnce(workload, redisPort, results);
  const measuredOf = (/** @type {string} */ name) => results.get(name) ?? [];
  const rows = names.map((name) => {
    const measured = measuredOf(name);
    const cpus = measured.map(({ cpu }) => cpu);
    const ratioTo = (/** @type {string} */ other) =>
      median(measuredOf(other).map(({ cpu }, n) => Number(cpus[n]) / cpu));
    return {
      name,
      perSecond: median(measured.map(({ perSecond }) => perSecond)),
      cpu: median(cpus),
      deviation: deviation(cpus),
      ratio: ratioTo('floor'),
      share: ratioTo(PREDECESSOR),
    };
  });
  return { workload, rows };
}

/**
 * Repeats a workload if its rounds deviate too much, and returns the steadiest run. Each run gets a new Redis, so that the records of
 * one do not slow down the next.
 *
 * @param {import('./workloads').Workload} workload
 */
async function playInCalm(workload) {
  let best = await playOnRedis(workload);
  for (let tries = 1; tries < TRIES && deviationOf(best) > CALM; tries += 1) {
    console.log(`${workload.name}: rounds deviate by ${percent(deviationOf(best))}; once more`);
    const table = await playOnRedis(workload);
    if (deviationOf(table) < deviationOf(best)) best = table;
  }
  return best;
}

/** @param {import('./workloads').Workload} workload */
async function playOnRedis(workload) {
  const redis = await startRedis();
  try {
    return await play(workload, redis.port);
  } finally {
    await redis.end();
  }
}

/** The median deviation of the floor's rounds or of this package's, the larger. @param {Table} table */
function deviationOf({ rows }) {
  return Math.max(0, ...rows.filter(({ name }) => name === 'floor' || name === OWN).map((row) => row.deviation));
}

/** @param {number} part */
function percent(part) {
  return `${(part * 100).toFixed(1)} %`;
}

/** @param {Table} table */
function print({ workload, rows }) {
  console.log(`\n${workload.name} (target ${workload.target.toFixed(2)})`);
  for (const { name, perSecond, cpu, ratio } of rows) {
    const figures = [perSecond.toFixed(0).padStart(8), cpu.toFixed(1).padStart(8), ratio.toFixed(2).padStart(6)];
    console.log(`  ${name.padEnd(34)}${figures[0]} req/s${figures[1]} µs${figures[2]}`);
  }
}

async function main() {
  const tables = [];
  for (const workload of chosen) {
    const table = await playInCalm(workload);
    print(table);
    tables.push(table);
  }
  if (process.argv.length === 2) writeResults(tables);
  const missed = tables.flatMap(judge);
  if (missed.length === 0) return;
  console.log(`\nover the target: ${missed.join(', ')}`);
  process.exitCode = 1;
}

/** The targets that a table misses. @param {Table} table */
function judge({ workload, rows }) {
  const own = rows.find(({ name }) => name === OWN);
  if (own === undefined) return [];
  const share = workload.name === 'big read' ? 0.55 : 0.4;
  return [
    ...(own.ratio > workload.target ? [`${workload.name} (${workload.target} of the floor)`] : []),
    ...(own.share > share ? [`${workload.name} (${share} of ${PREDECESSOR})`] : []),
  ];
}

/** @param {Table[]} tables */
function writeResults(tables) {
  const how = [
    '`npm run bench`: CPU time of the server process for each request, by the operating system’s account, and what it is of the',
    'floor’s: bare Koa with one ioredis GET, and the PEXPIRE, SET, JSON and plain Set-Cookie that the workload needs; no signature. Its',
    'commands of one turn of the event loop leave in one write, as those of redisStore() do; `floor:pipelined` has ioredis’',
    '`enableAutoPipelining` instead.',
    `Medians of ${rounds} interleaved rounds of ${seconds} s in ${STARTS} starts, after ${WARM_UP} to warm each up, and of the ratios within each round; ${CONNECTIONS} connections,`,
    `${VISITORS} visitors; the server on a separate core. If the median deviation of the floor’s or this package’s rounds is above`,
    `${percent(CALM)} of their median, the workload is played again, up to ${TRIES} times in all, and the steadiest go counts.`,
    'koa-session-minimal signs nothing and knows no rolling; only this package and koa-generic-session know `defer`, and the others do what',
    'they do without. express-session runs on Express.',
  ].join('\n');
  const head = `| CPU µs a request (of the floor) | ${tables.map(({ workload }) => workload.name).join(' | ')} |\n|---|${'---:|'.repeat(tables.length)}`;
  /** @param {string} title @param {(table: Table) => string | undefined} cell */
  const line = (title, cell) => `| ${title} | ${tables.map((table) => cell(table) ?? '–').join(' | ')} |`;
  /** @param {Table} table @param {string} name */
  const rowOf = ({ rows }, name) => rows.find((row) => row.name === name);
  const lines = names.map((name) =>
    line(name, (table) => {
      const row = rowOf(table, name);
      return row && `${row.cpu.toFixed(1)} (${row.ratio.toFixed(2)})`;
    }),
  );
  const target = line('target for koa-evented-session', ({ workload }) => workload.target.toFixed(2));
  const share = line(`${OWN}, of ${PREDECESSOR}'s`, (table) => rowOf(table, OWN)?.share.toFixed(2));
  const steadiness = line('median deviation, the larger of the first two', (table) => percent(deviationOf(table)));
  const speed = names.map((name) => line(name, (table) => rowOf(table, name)?.perSecond.toFixed(0)));
  const speeds = [head.replace('CPU µs a request (of the floor)', 'requests a second'), ...speed].join('\n');
  writePart(
    'CPU per request',
    [how, surroundings(), [head, ...lines, target, share, steadiness].join('\n'), speeds].join('\n\n'),
  );
}

void main();
