// Mutation testing: how many small faults in lib the specs notice. It works on a copy, so that no fault is left in the working tree.
//   npm run mutate -- --files lib/record,lib/cookies/set-cookie.ts --sample 30 --seed 7
import { spawn } from 'node:child_process';
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
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf, placed, sampleOf } from './mutants.mjs';

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: resolve(import.meta.dirname, '..') },
    files: { type: 'string', default: 'lib/record,lib/cookies,lib/persistence,lib/session' },
    sample: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    processes: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '120' },
  },
});
const { root } = values;
const [sample, seed, seconds] = [Number(values.sample), Number(values.seed), Number(values.timeout)];
const processes = Math.min(2, Number(values.processes));
if (![sample, seed, seconds, processes].every((number) => Number.isSafeInteger(number) && number > 0)) {
  throw new TypeError('Expected --sample, --seed, --timeout and --processes to be whole numbers above 0');
}

/**
 * Folders whose specs show what a folder of lib does, beside those of its own; the most related first.
 * @type {Record<string, string[]>}
 */
const WIDER = {
  record: ['spec/session', 'spec/persistence', 'spec/middleware', 'spec/races'],
  cookies: ['spec/session', 'spec/middleware', 'spec/pitfalls', 'spec/stores/cookie', 'spec/races'],
  persistence: ['spec/session', 'spec/races', 'spec/client', 'spec/stores/memory', 'spec/middleware', 'spec/costs'],
  session: ['spec/middleware', 'spec/races', 'spec/cookies', 'spec/persistence', 'spec/pitfalls', 'spec/costs'],
};

/** @type {(path: string) => string[]} */
const filesIn = (path) =>
  statSync(join(root, path)).isDirectory()
    ? readdirSync(join(root, path)).flatMap((name) => filesIn(`${path}/${name}`))
    : [path];
const files = values.files
  .split(',')
  .flatMap(filesIn)
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));

/**
 * Paths of specs, the most related first: each is run only where those before have noticed nothing.
 * @param {string} file
 */
function specsFor(file) {
  const [, folder = ''] = file.split('/');
  const own = [file.replace(/^lib/, 'spec').replace(/\.ts$/, '.spec.ts'), `spec/${folder}`, ...(WIDER[folder] ?? [])];
  return own.filter((path) => existsSync(join(root, path)) || existsSync(join(root, `${path}.spec.ts`)));
}

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
 * Tells what became of the specs under a path.
 * @param {string} copy
 * @param {string} specs
 * @returns {Promise<'passed' | 'failed' | 'timed out'>}
 */
function run(copy, specs) {
  const jest = join(import.meta.dirname, '../node_modules/jest/bin/jest.js');
  const args = [jest, '--bail', '--forceExit', '--maxWorkers=1', '--silent', '--passWithNoTests', specs];
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore', detached: true });
    running.add(child);
    /** @type {'timed out' | undefined} */
    let outcome;
    const timer = setTimeout(() => {
      outcome = 'timed out';
      endGroup(child.pid);
    }, seconds * 1000);
    child.once('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      endGroup(child.pid);
      done(outcome ?? (code === 0 ? 'passed' : 'failed'));
    });
  });
}

/**
 * @param {string} copy
 * @param {{ file: string, mutant: import('./mutants.mjs').Mutant }} placing
 */
async function tryMutant(copy, { file, mutant }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, placed(text, mutant));
  try {
    for (const specs of specsFor(file)) {
      const outcome = await run(copy, specs);
      if (outcome !== 'passed') return outcome === 'failed' ? 'killed' : outcome;
    }
    return 'survived';
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
/** @param {string} name */
async function work(name) {
  const copy = copyOfTree(name);
  for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
    const outcome = await tryMutant(copy, next);
    tried.push({ ...next, outcome });
    const { line, from, to } = next.mutant;
    if (outcome !== 'killed') console.log(`${outcome}: ${next.file}:${line}  ${from}  =>  ${to || '(removed)'}`);
  }
}
await Promise.all(Array.from({ length: processes }, (_, n) => work(String(n))));
for (const file of files) {
  const ofFile = tried.filter((one) => one.file === file);
  const count = (/** @type {string} */ outcome) => ofFile.filter((one) => one.outcome === outcome).length;
  if (ofFile.length > 0)
    console.log(
      `${file}: ${count('killed')} killed, ${count('timed out')} timed out, ${count('survived')} survived of ${ofFile.length}`,
    );
}
