// Mutation testing: how many small faults in lib the specs notice. It works on a copy, so that no fault is left in the working tree.
// One run with coverage tells which specs reach which lines; a fault is shown only to the specs that reach it, the quickest first.
//   npm run mutate -- --files lib/record,lib/cookies/set-cookie.ts --sample 30 --seed 7
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf, placed, sampleOf } from './mutants.mjs';

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: resolve(import.meta.dirname, '..') },
    // The folders, or files, whose specs are asked.
    specs: { type: 'string', default: 'spec' },
    files: { type: 'string', default: 'lib/record,lib/cookies,lib/persistence,lib/session' },
    sample: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    processes: { type: 'string', default: '1' },
    // Seconds that a hanging spec gets; those that take longer without a fault are left out.
    timeout: { type: 'string', default: '30' },
  },
});
const { root } = values;
setPriority(constants.priority.PRIORITY_LOW);
const [sample, seed, seconds] = [Number(values.sample), Number(values.seed), Number(values.timeout)];
const processes = Math.min(2, Number(values.processes));
if (![sample, seed, seconds, processes].every((number) => Number.isSafeInteger(number) && number > 0)) {
  throw new TypeError('Expected --sample, --seed, --timeout and --processes to be whole numbers above 0');
}

/** @type {(path: string) => string[]} */
const filesIn = (path) =>
  statSync(join(root, path)).isDirectory()
    ? readdirSync(join(root, path)).flatMap((name) => filesIn(`${path}/${name}`))
    : [path];
const files = values.files
  .split(',')
  .flatMap(filesIn)
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));

/** Specs that start a server or a program take too long to be asked about each fault. */
const STARTS_PROGRAMS = /helpers\/(redis|databases|programs|egg|package|docs)\/|child_process|demo\//;
const specs = values.specs
  .split(',')
  .flatMap(filesIn)
  .filter((path) => path.endsWith('.spec.ts') && !/node_modules|spec\/(long|docs|package)\//.test(path))
  .filter((path) => !STARTS_PROGRAMS.test(readFileSync(join(root, path), 'utf8')));

const home = mkdtempSync(join(tmpdir(), 'mutate-'));
/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
function endAll() {
  // Each run leads a group of its own, with the servers that its specs have started.
  for (const { pid } of running) endGroup(pid);
  rmSync(home, { recursive: true, force: true });
}
process.once('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** @param {number | undefined} pid */
function endGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** @param {string} name */
function copyOfTree(name) {
  const copy = join(home, name);
  mkdirSync(copy);
  const keep = (/** @type {string} */ path) => !/[\\/](node_modules|\.git|coverage)$/.test(path);
  cpSync(root, copy, { recursive: true, filter: keep });
  for (const path of ['node_modules', 'spec/interop/node_modules']) {
    if (existsSync(join(root, path))) symlinkSync(join(root, path), join(copy, path));
  }
  return copy;
}

/**
 * Tells what became of a run of jest.
 * @param {string} copy
 * @param {string[]} args
 * @param {number} limit in seconds
 * @returns {Promise<'passed' | 'failed' | 'timed out'>}
 */
function jest(copy, args, limit) {
  const program = join(import.meta.dirname, '../node_modules/jest/bin/jest.js');
  const all = [program, '--forceExit', '--maxWorkers=1', '--silent', ...args];
  return new Promise((done) => {
    const child = spawn(process.execPath, all, { cwd: copy, stdio: 'ignore', detached: true });
    running.add(child);
    /** @type {'timed out' | undefined} */
    let outcome;
    const timer = setTimeout(() => {
      outcome = 'timed out';
      endGroup(child.pid);
    }, limit * 1000);
    child.once('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      endGroup(child.pid);
      done(outcome ?? (code === 0 ? 'passed' : 'failed'));
    });
  });
}

/**
 * What each spec reaches, remembered in the temporary directory until the spec or lib changes.
 * @param {string} copy
 * @returns {Promise<import('./reached-lines.cjs').Reached[]>}
 */
async function reachedBySpecs(copy) {
  const lib = files.map((file) => readFileSync(join(root, file), 'utf8')).join('');
  const known = specs.map((spec) => {
    const key = createHash('sha256')
      .update(lib)
      .update(spec)
      .update(readFileSync(join(root, spec)))
      .digest('hex');
    return { spec, path: join(tmpdir(), `mutate-reached-${key.slice(0, 24)}.json`) };
  });
  const unknown = known.filter(({ path }) => !existsSync(path));
  if (unknown.length > 0) {
    console.log(`looking which lines ${unknown.length} specs reach`);
    process.env['REACHED'] = JSON.stringify(Object.fromEntries(unknown.map(({ spec, path }) => [spec, path])));
    const coverage = [
      '--coverage',
      '--coverageReporters=none',
      ...files.map((file) => `--collectCoverageFrom=${file}`),
    ];
    const reporter = `--reporters=${join(import.meta.dirname, 'reached-lines.cjs')}`;
    await jest(copy, [...coverage, reporter, '--runTestsByPath', ...unknown.map(({ spec }) => spec)], 3600);
  }
  return known.flatMap(({ path }) => (existsSync(path) ? [JSON.parse(readFileSync(path, 'utf8'))] : []));
}

/**
 * Those that reach a mutant, the quickest first.
 * @param {import('./reached-lines.cjs').Reached[]} reached
 * @param {string} file
 * @param {import('./mutants.mjs').Mutant} mutant
 */
function specsFor(reached, file, { lines }) {
  const counts = reached.flatMap((one) => (one.files[file] ? [{ ...one, of: one.files[file] }] : []));
  // The innermost line of it that is a statement; what lies in none runs when the file is loaded.
  const line = lines.find((each) => counts.some(({ of }) => of[each] !== undefined)) ?? 0;
  const own = file.replace(/^lib/, 'spec').replace(/\.ts$/, '.spec.ts');
  const hit = counts.filter(({ of, ms }) => (line === 0 || (of[line] ?? 0) > 0) && ms < seconds * 1000);
  return hit.sort((a, b) => Number(b.spec === own) - Number(a.spec === own) || a.ms - b.ms);
}

/**
 * @param {string} copy
 * @param {{ file: string, mutant: import('./mutants.mjs').Mutant }} placing
 * @param {import('./reached-lines.cjs').Reached[]} chosen
 */
async function tryMutant(copy, { file, mutant }, chosen) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, placed(text, mutant));
  try {
    // The quickest few first, since most faults are noticed there.
    for (const some of [chosen.slice(0, 3), chosen.slice(3)]) {
      const limit = some.reduce((sum, { ms }) => sum + ms / 300, seconds);
      const args = ['--bail', `--testTimeout=${seconds * 1000}`, '--runTestsByPath', ...some.map(({ spec }) => spec)];
      const outcome = some.length > 0 ? await jest(copy, args, limit) : 'passed';
      if (outcome !== 'passed') return outcome === 'failed' ? 'killed' : outcome;
    }
    return chosen.length > 0 ? 'survived' : 'not reached';
  } finally {
    writeFileSync(path, text);
  }
}

console.log(`seed ${seed}, at most ${sample} mutants a file`);
const todo = files.flatMap((file) =>
  sampleOf(mutantsOf(readFileSync(join(root, file), 'utf8')), sample, `${seed} ${file}`).map((mutant) => ({
    file,
    mutant,
  })),
);
/** @type {((typeof todo)[number] & { outcome: string })[]} */
const tried = [];
const copies = Array.from({ length: processes }, (_, n) => copyOfTree(String(n)));
const reached = await reachedBySpecs(/** @type {string} */ (copies[0]));
/** @param {string} copy */
async function work(copy) {
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const outcome = await tryMutant(copy, next, specsFor(reached, next.file, next.mutant));
    tried.push({ ...next, outcome });
    const { line, from, to } = next.mutant;
    if (outcome !== 'killed') console.log(`${outcome}: ${next.file}:${line}  ${from}  =>  ${to || '(removed)'}`);
  }
}
await Promise.all(copies.map(work));
for (const file of files) {
  const ofFile = tried.filter((one) => one.file === file);
  const counts = ['killed', 'timed out', 'survived', 'not reached'].map(
    (outcome) => `${ofFile.filter((one) => one.outcome === outcome).length} ${outcome}`,
  );
  if (ofFile.length > 0) console.log(`${file}: ${counts.join(', ')} of ${ofFile.length}`);
}
