// How CPU per request grows with the number of sessions, of connections, and with the size of a session: `npm run bench:growth`.
// Draws sessions.svg, connections.svg and size.svg, and writes its part of RESULTS.md.
const { writeFileSync } = require('node:fs');
const path = require('node:path');
const { startContestant } = require('./harness/contestant');
const { median, round, visitors } = require('./harness/measure');
const { plot } = require('./harness/plot');
const { startRedis } = require('./harness/redis');
const { surroundings, writePart } = require('./harness/report');

const ROUNDS = 3;
const SECONDS = 1;
const OWN = 'koa-evented-session';
const IN_MEMORY = 'koa-evented-session-in-memory';

/** @typedef {{ label: number, contestant: import('./harness/contestant').Contestant, cookies: string[], connections: number, cpu: number[] }} Point */

/**
 * Points take turns, so that what disturbs the machine disturbs them all.
 *
 * @param {Point[]} points
 * @returns {Promise<[number, number][]>}
 */
async function measure(points) {
  for (let n = -1; n < ROUNDS; n += 1) {
    for (const { contestant, cookies, connections, cpu } of points) {
      const result = await round(contestant, { path: '/', cookies, connections, seconds: SECONDS });
      if (n >= 0) cpu.push(result.cpu);
    }
  }
  return points.map(({ label, cpu }) => [label, median(cpu)]);
}

/**
 * @param {number} label
 * @param {string} name
 * @param {object} workload
 * @param {number} port
 * @param {number} [connections]
 * @returns {Promise<Point>}
 */
async function point(label, name, workload, port, connections = 32) {
  const contestant = await startContestant(name, /** @type {any} */ (workload), port);
  return { label, contestant, cookies: await visitors(contestant.port, 200), connections, cpu: [] };
}

/** @param {Point[]} points */
async function end(points) {
  for (const { contestant } of points) await contestant.end();
}

/** @param {number} port */
async function bySessions(port) {
  const lines = [];
  for (const use of ['read', 'write']) {
    const points = [];
    for (const stored of [1e3, 1e4, 1e5, 1e6]) {
      points.push(await point(stored, IN_MEMORY, { use, bytes: 1000, cookie: true, stored }, port));
    }
    lines.push({ name: `MemoryStore, ${use}`, points: await measure(points) });
    await end(points);
  }
  return lines;
}

/** @param {number} port */
async function byConnections(port) {
  const lines = [];
  for (const name of ['floor', OWN]) {
    const points = [];
    for (const connections of [10, 30, 100, 300, 1000]) {
      points.push(await point(connections, name, { use: 'read', bytes: 1000, cookie: true }, port, connections));
    }
    lines.push({ name: `${name === OWN ? 'this package' : name}, read`, points: await measure(points) });
    await end(points);
  }
  return lines;
}

/** @param {number} port */
async function bySize(port) {
  const lines = [];
  for (const name of ['floor', OWN]) {
    for (const use of ['read', 'write']) {
      const points = [];
      for (const kilobytes of [1, 10, 20, 40, 60]) {
        points.push(await point(kilobytes, name, { use, bytes: kilobytes * 1000, cookie: true }, port));
      }
      lines.push({ name: `${name === OWN ? 'this package' : name}, ${use}`, points: await measure(points) });
      await end(points);
    }
  }
  return lines;
}

async function main() {
  const redis = await startRedis();
  const y = 'CPU µs per request';
  const plots = [
    { file: 'sessions.svg', title: 'Sessions in a MemoryStore', x: 'sessions', isLog: true, play: bySessions },
    {
      file: 'connections.svg',
      title: 'Connections at once, on Redis',
      x: 'connections',
      isLog: true,
      play: byConnections,
    },
    { file: 'size.svg', title: 'Size of the session, on Redis', x: 'kB', isLog: false, play: bySize },
  ];
  const text = [];
  try {
    for (const { file, title, x, isLog, play } of plots) {
      const lines = await play(redis.port);
      writeFileSync(path.join(__dirname, file), plot({ title, x, y, isLog, lines }));
      const labels = lines[0]?.points.map(([label]) => label.toLocaleString('en')) ?? [];
      const rows = lines.map(
        ({ name, points }) => `| ${name} | ${points.map(([, cpu]) => cpu.toFixed(1)).join(' | ')} |`,
      );
      const table = [`| ${x} | ${labels.join(' | ')} |`, `|---|${'---:|'.repeat(labels.length)}`, ...rows].join('\n');
      console.log(`\n${title}: ${y}\n${table}`);
      text.push(`### ${title}\n\n![${title}](${file})\n\n${table}`);
    }
  } finally {
    await redis.end();
  }
  const how = `\`npm run bench:growth\`: ${y}, medians of ${ROUNDS} interleaved rounds of ${SECONDS} s.`;
  writePart('Growth', [how, surroundings(), ...text].join('\n\n'));
}

void main();
