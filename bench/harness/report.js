const { readFileSync, writeFileSync } = require('node:fs');
const { cpus, release, totalmem, type } = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { generator } = require('./load');

const root = path.join(__dirname, '../..');
const PEERS = [
  'koa',
  'ioredis',
  'koa-redis',
  'koa-generic-session',
  'koa-session',
  'koa-session-minimal',
  'express',
  'express-session',
  'connect-redis',
  'redis',
];

/** The machine and the versions in use, as Markdown. */
exports.surroundings = () => {
  const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout;
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  const versions = PEERS.map((name) => {
    const file = path.join(root, 'bench/node_modules', name, 'package.json');
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  });
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${gigabytes} GB, ${type()} ${release()}; Node ${process.version}; ` +
      `Redis ${/v=([\d.]+)/.exec(redis)?.[1] ?? 'unknown'}; load by ${generator}.`,
    versions.join(', '),
  ].join('\n\n');
};

/**
 * Writes one part of RESULTS.md and keeps the others.
 *
 * @param {string} part its heading
 * @param {string} text
 */
exports.writePart = (part, text) => {
  const file = path.join(root, 'bench/RESULTS.md');
  const head = '# Results\n\nWritten by the scripts in this folder; every figure is measured.\n';
  let written = head;
  try {
    written = readFileSync(file, 'utf8');
  } catch {}
  const parts = written.split(/^(?=## )/m);
  const fresh = `## ${part}\n\n${text.trim()}\n\n`;
  const at = parts.findIndex((old) => old.startsWith(`## ${part}\n`));
  if (at < 0) parts.push(fresh);
  else parts[at] = fresh;
  writeFileSync(file, `${parts.map((each) => each.trim()).join('\n\n')}\n`);
};
