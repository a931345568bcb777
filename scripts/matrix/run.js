// Runs the specs with other versions of Node and of the peer dependencies, and writes the table in docs/versions.md.
//   npm run test:matrix -- --only 'Node 2[46]' --specs 'spec/(session|stores/redis)'
const { spawn } = require('node:child_process');
const { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { delimiter, join } = require('node:path');
const { createInterface } = require('node:readline');
const { parseArgs } = require('node:util');
const { checkOut, lend } = require('./checkout');
const { installed } = require('./packages');
const { withRow } = require('./table');
const { variants } = require('./variants');

const { values } = parseArgs({
  options: {
    // A pattern of names of variants.
    only: { type: 'string', default: '' },
    // A pattern of paths, instead of those that concern the variant.
    specs: { type: 'string' },
    page: { type: 'string', default: join(__dirname, '../../docs/versions.md') },
    // How long the specs of a variant may take.
    minutes: { type: 'string', default: '60' },
  },
});
const root = join(__dirname, '../..');
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new TypeError('Expected --minutes to be a number above 0');
const chosen = variants.filter(({ name }) => new RegExp(values.only, 'i').test(name));
if (chosen.length === 0)
  throw new TypeError(`Expected --only to match one of: ${variants.map(({ name }) => name).join(' · ')}`);

const home = mkdtempSync(join(tmpdir(), 'matrix-'));
/** The run under way, which leads a group with the servers that its specs have started. @type {number | undefined} */
let group;
process.once('exit', () => {
  endGroup();
  rmSync(home, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function endGroup() {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended already.
  }
  group = undefined;
}

/**
 * Runs specs in a copy of the project, or in the project itself.
 *
 * @param {string} cwd
 * @param {string} node the program that runs them
 * @param {string} specs
 * @param {string} log the path of a file for all that jest says
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function specsRun(cwd, node, specs, log) {
  const counts = join(home, 'counts');
  rmSync(counts, { force: true });
  const args = ['--max-semi-space-size=64', 'node_modules/jest/bin/jest.js', '--forceExit', specs];
  const child = spawn(node, args, {
    cwd,
    // Programs that specs start by name are of this version too.
    env: { ...process.env, PATH: `${join(node, '..')}${delimiter}${process.env['PATH']}`, SPEC_COUNTS: counts },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  group = child.pid;
  const timer = setTimeout(endGroup, minutes * 60_000);
  const file = createWriteStream(log);
  const started = Date.now();
  let files = 0;
  let told = started;
  for await (const line of createInterface({ input: child.stderr })) {
    file.write(`${line}\n`);
    if (/^(PASS|FAIL) /.test(line)) files += 1;
    if (/^(FAIL |Tests: )/.test(line)) console.log(`  ${line}`);
    if (Date.now() - told < 60_000) continue;
    told = Date.now();
    console.log(`  ${files} files after ${Math.round((told - started) / 60_000)} min`);
  }
  clearTimeout(timer);
  endGroup();
  file.end();
  return countsIn(counts);
}

/** @param {string} path */
function countsIn(path) {
  try {
    const [passed = 0, failed = 0] = readFileSync(path, 'utf8').split(' ').map(Number);
    return { passed, failed };
  } catch (cause) {
    throw new Error(`the specs did not come to their end within ${minutes} min`, { cause });
  }
}

/** @param {import('./variants').Variant} variant */
async function tried(variant) {
  const { name, isNode, packages } = variant;
  const specs = values.specs ?? variant.specs;
  const folder = join(home, 'variant');
  const log = join(tmpdir(), `matrix ${name}.log`.replace(/[^\w.]+/g, '-'));
  try {
    const there = installed(join(folder, 'packages'), packages);
    const versions = [...new Set([...there.values()].map(({ version }) => version))].join(', ');
    console.log(`${name}: ${versions}`);
    const copy = join(folder, 'copy');
    if (!isNode) {
      lend(root, join(folder, 'packages'));
      checkOut(root, copy, there);
    }
    const program = isNode ? join(String(there.get('node')?.folder), 'bin/node') : process.execPath;
    const { passed, failed } = await specsRun(isNode ? root : copy, program, specs, log);
    const row = {
      name,
      versions,
      node: isNode ? versions : process.versions.node,
      specs: specs === 'spec/' ? 'all' : `\`${specs}\``,
      passed,
      failed,
      date: new Date().toISOString().slice(0, 10),
    };
    const names = variants.map((each) => each.name);
    writeFileSync(values.page, withRow(readFileSync(values.page, 'utf8'), names, row));
    console.log(`${name}: ${passed} passed, ${failed} failed${failed > 0 ? `, see ${log}` : ''}`);
    return failed === 0 && passed > 0;
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}, see ${log}`);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const failed = [];
  for (const variant of chosen) if (!(await tried(variant))) failed.push(variant.name);
  if (failed.length === 0) return;
  console.error(`failed with ${failed.join(' · ')}`);
  process.exitCode = 1;
}

void main();
