import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { guardOf } from '../helpers/programs/guard';
import { until } from '../helpers/time/until';

/** Whether this user may start a process as the first one of a namespace. */
const isPossible = spawnSync('unshare', ['--fork', '--pid', 'true']).status === 0;
const table = isPossible ? it.each : it.skip.each;

const listens = `require('http').createServer().listen(0, '127.0.0.1', () => console.log('started'));`;
const leaves = `process.once('SIGTERM', () => { console.log('in order'); process.exit(); });`;

describe('SIGTERM to the first process of a container, as docs/recipes/deployments.md says,', () => {
  let folder: string;
  let outer: ChildProcess | undefined;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'spec-first-process-'));
    writeFileSync(join(folder, 'server.js'), `${leaves}${listens}`);
    writeFileSync(join(folder, 'bare.js'), listens);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start: 'node server.js' } }));
  });
  afterEach(async () => {
    if (!outer || outer.exitCode !== null || outer.signalCode !== null) return;
    outer.kill('SIGKILL');
    await once(outer, 'close');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  table([
    ['node with a handler', ['node', 'server.js'], 'in order'],
    ['node without a handler', ['node', 'bare.js'], 'goes on'],
    ['a shell that starts node', ['sh', '-c', 'node server.js; true'], 'goes on'],
    ['a shell that becomes node', ['sh', '-c', 'exec node server.js'], 'in order'],
    ['npm', ['npm', 'start'], 'killed'],
  ])('%s', async (_what, command, expected) => {
    // With its first process, all of a namespace end.
    outer = spawn('unshare', ['--fork', '--pid', '--kill-child', ...command], { cwd: folder });
    const guard = guardOf(Number(outer.pid));
    let output = '';
    outer.stdout?.on('data', (text) => {
      output += text;
    });
    await until(() => output.includes('started'));
    const closed = once(outer, 'close');
    const inner = Number(spawnSync('ps', ['--ppid', String(outer.pid), '-o', 'pid='], { encoding: 'utf8' }).stdout);
    process.kill(inner, 'SIGTERM');
    const outcome = await Promise.race([closed.then(() => 'ended'), pause(3000, 'goes on')]);
    guard.kill('SIGKILL');
    const found = outcome === 'ended' && output.includes('in order') ? 'in order' : outcome.replace('ended', 'killed');
    expect(found).toBe(expected);
  });
});
