// How CPU time grows with the number of sessions, connections and writers of one session, with the size of a session, and with the
// sessions of one user, and those that a process watches: `npm run bench:growth`. For some of these axes: `npm run bench:growth -- --axis size,users`. Draws a plot for
// each and writes its part of RESULTS.md, unless `--rounds` or `--seconds` is given.
const { writeFileSync } = require('node:fs');
const path = require('node:path');
const { benchOptions } = require('./harness/options');
const { plot } = require('./harness/plot');
const { startRedis } = require('./harness/redis');
const { surroundings, writePart } = require('./harness/report');

const AXES = ['sessions', 'connections', 'size', 'writers', 'users', 'watched'];

const options = benchOptions({ rounds: 3, lists: ['axis'] });
const { rounds, seconds } = options;
const isMeasured = !process.argv.some((argument) => /^--(?:rounds|seconds)/.test(argument));

/** @param {string} name */
async function measure(name) {
  /** @type {import('./axes/lines').Axis} */
  const axis = require(path.join(__dirname, 'axes', name));
  const start = performance.now();
  const redis = await startRedis();
  try {
    const lines = await axis.draw({ redisPort: redis.port, rounds, seconds });
    const labels = lines[0]?.points.map(([label]) => label.toLocaleString('en')) ?? [];
    const rows = lines.map((line) => `| ${line.name} | ${line.points.map(([, cpu]) => cpu.toFixed(1)).join(' | ')} |`);
    const table = [`| ${axis.x} | ${labels.join(' | ')} |`, `|---|${'---:|'.repeat(labels.length)}`, ...rows].join(
      '\n',
    );
    console.log(`\n${axis.title}: ${axis.y}, ${((performance.now() - start) / 1000).toFixed(0)} s\n${table}`);
    if (!isMeasured) return;
    writeFileSync(path.join(__dirname, axis.file), plot({ ...axis, lines }));
    const how = `\`npm run bench:growth -- --axis ${name}\`: ${axis.y}${axis.isOnce ? '' : `, medians of ${rounds} rounds`}.`;
    const picture = `![${axis.title}](${axis.file})`;
    writePart(`Growth: ${axis.title}`, [how, surroundings(), picture, table, axis.note ?? ''].join('\n\n'));
  } finally {
    await redis.end();
  }
}

async function main() {
  for (const name of options.axis ?? AXES) await measure(name);
}

void main();
