// How CPU time per request grows with the number of sessions, the number of connections and the size of a session:
// `npm run bench:growth`. Draws sessions.svg, connections.svg and size.svg, and writes its part of RESULTS.md.
const { writeFileSync } = require('node:fs');
const path = require('node:path');
const { startContestant } = require('./harness/contestant');
const { median, round, visitors, WARM_UP } = require('./harness/measure');
const { plot } = require('./harness/plot');
const { startRedis } = require('./harness/redis');
const { surroundings, writePart } = require('./harness/report');

const ROUNDS = 5;
const SECONDS = 1;
const OWN = 'koa-evented-session';
const IN_MEMORY = 'koa-evented-session-in-memory';
/** Four times the default space for short-lived objects in Node 20. */
const ROOMY = '--max-semi-space-size=64';

/**
 * @typedef {{ label: number, contestant: import('./harness/contestant').Contestant, cookies: string[], connections: number, cpu: number[] }} Point
 * @typedef {{ name: string, points: Point[] }} Line
 */

/**
 * Interleaves the points of all lines and starts each round with another one, so that disturbances affect all of them.
 *
 * @param {Line[]} lines
 * @returns {Promise<{ name: string, points: [number, number][] }[]>}
 */
async function measure(lines) {
  const turns = lines.flatMap(({ points }) => points);
  for (let n = -WARM_UP; n < ROUNDS; n += 1) {
    for (const { contestant, cookies, connections, cpu } of turns) {
      const load = { path: '/', cookies, connections, seconds: SECONDS };
      await round(contestant, load);
      // The first round after the others is not counted: V8 has shrunk the heap since, and has to grow it again.
      if (n >= 0) cpu.push((await round(contestant, load)).cpu);
    }
    turns.push(...turns.splice(0, 1));
  }
  return lines.map(({ name, points }) => ({ name, points: points.map(({ label, cpu }) => [label, median(cpu)]) }));
}

/**
 * @param {number} label
 * @param {string} name
 * @param {object} workload
 * @param {number} port
 * @param {number} [connections]
 * @param {string[]} [flags] Node's
 * @returns {Promise<Point>}
 */
async function point(label, name, workload, port, connections = 32, flags = []) {
  const contestant = await startContestant(name, /** @type {any} */ (workload), port, flags);
  return { label, contestant, cookies: await visitors(contestant.port, 200), connections, cpu: [] };
}

/** A contestant as the plots call it. @param {string} name */
function shown(name) {
  return name === OWN ? 'this package' : name;
}

/** @param {number} port @returns {Promise<Line[]>} */
async function bySessions(port) {
  const lines = [];
  for (const use of ['read', 'write']) {
    const points = [];
    for (const stored of [1e3, 1e4, 1e5, 1e6]) {
      points.push(await point(stored, IN_MEMORY, { use, bytes: 1000, cookie: true, stored }, port));
    }
    lines.push({ name: `MemoryStore, ${use}`, points });
  }
  return lines;
}

/** @param {number} port @returns {Promise<Line[]>} */
async function byConnections(port) {
  const lines = [];
  for (const flags of [[], [ROOMY]]) {
    for (const name of ['floor', OWN]) {
      const points = [];
      for (const connections of [10, 30, 100, 300, 1000]) {
        const workload = { use: 'read', bytes: 1000, cookie: true };
        points.push(await point(connections, name, workload, port, connections, flags));
      }
      lines.push({ name: flags.length === 0 ? shown(name) : `${shown(name)}, 64 MB`, points });
    }
  }
  return lines;
}

/** @param {number} port @returns {Promise<Line[]>} */
async function bySize(port) {
  const lines = [];
  for (const name of ['floor', OWN]) {
    for (const use of ['read', 'write']) {
      const points = [];
      for (const kilobytes of [1, 10, 20, 40, 60]) {
        points.push(await point(kilobytes, name, { use, bytes: kilobytes * 1000, cookie: true }, port));
      }
      lines.push({ name: `${shown(name)}, ${use}`, points });
    }
  }
  return lines;
}

async function main() {
  const redis = await startRedis();
  const y = 'CPU µs per request';
  const plots = [
    { file: 'sessions.svg', title: 'Sessions in a MemoryStore', x: 'sessions', isLog: true, start: bySessions },
    {
      file: 'connections.svg',
      title: 'Connections at once, on Redis',
      x: 'connections',
      isLog: true,
      start: byConnections,
      note: `Read, each with Node as it is and with \`node ${ROOMY}\`.`,
    },
    { file: 'size.svg', title: 'Size of the session, on Redis', x: 'kB', isLog: false, start: bySize },
  ];
  const text = [];
  try {
    for (const { file, title, x, isLog, start, note = '' } of plots) {
      const started = await start(redis.port);
      const lines = await measure(started);
      for (const { contestant } of started.flatMap(({ points }) => points)) await contestant.end();
      writeFileSync(path.join(__dirname, file), plot({ title, x, y, isLog, lines }));
      const labels = lines[0]?.points.map(([label]) => label.toLocaleString('en')) ?? [];
      const rows = lines.map(
        ({ name, points }) => `| ${name} | ${points.map(([, cpu]) => cpu.toFixed(1)).join(' | ')} |`,
      );
      const table = [`| ${x} | ${labels.join(' | ')} |`, `|---|${'---:|'.repeat(labels.length)}`, ...rows].join('\n');
      console.log(`\n${title}: ${y}\n${table}`);
      text.push([`### ${title}`, `![${title}](${file})`, table, note].join('\n\n').trim());
    }
  } finally {
    await redis.end();
  }
  const rounds = `${ROUNDS} interleaved rounds of ${SECONDS} s, each right after one that does not count, and all after ${WARM_UP} to warm up`;
  const how = `\`npm run bench:growth\`: ${y}, medians of ${rounds}.`;
  writePart('Growth', [how, surroundings(), ...text].join('\n\n'));
}

void main();
