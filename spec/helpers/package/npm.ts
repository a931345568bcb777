import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../programs/node-program';

const run = promisify(execFile);
const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=20000'];

/** Runs a program; what it says on stdout. Where it fails, the error has all that it said. */
export async function output(folder: string, program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd: folder, maxBuffer: 1e8 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: error });
  }
}

/** An empty folder outside the project, gone after the specs. Its path has no links in it, as programs print it. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'koa-evented-session-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Copies the project into `folder` as a fresh checkout with its packages installed has it: nothing is built. */
export function checkOut(folder: string): void {
  const left = ['.git', 'coverage', 'dist', 'node_modules'];
  cpSync(root, folder, { recursive: true, filter: (file) => !left.includes(basename(file)) });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

/** Packs the project in `folder`; the path of the tarball. */
export async function pack(folder: string, into: string, ...flags: readonly string[]): Promise<string> {
  const { name, version } = require(join(folder, 'package.json')) as { name: string; version: string };
  await output(folder, 'npm', 'pack', '--silent', `--pack-destination=${into}`, ...flags);
  return join(into, `${name}-${version}.tgz`);
}

/** The files in a tarball, as a user finds them in the package's folder. */
export async function filesIn(tarball: string): Promise<string[]> {
  const list = await output(root, 'tar', '-tzf', tarball);
  return list.split('\n').flatMap((line) => (line && !line.endsWith('/') ? [line.replace(/^package\//, '')] : []));
}

/** Installs packages into an empty folder, as its user would. What npm has in its cache is not asked for again. */
export async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  try {
    await output(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...patience, ...packages);
  } catch (error) {
    // Without a registry, npm may only report that it cannot resolve the packages.
    if (await answers(folder)) throw error;
    const line = 'npm does not reach its registry, and its cache lacks some of the packages';
    throw new Error(`${line}: run this spec once while online. It needs ${packages.join(' ')}`, { cause: error });
  }
}

function answers(folder: string): Promise<boolean> {
  return output(folder, 'npm', 'ping', ...patience).then(
    () => true,
    () => false,
  );
}

/** Lets `folder` find those packages that `from` has installed and that `isWanted` names, as far as it lacks them. */
export function borrow(from: string, folder: string, isWanted: (name: string) => boolean = () => true): void {
  const [theirs, own] = [join(from, 'node_modules'), join(folder, 'node_modules')];
  const names = readdirSync(theirs).filter((name) => !name.startsWith('.'));
  const all = names.flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(theirs, name)).map((scoped) => `${name}/${scoped}`) : [name],
  );
  for (const name of all.filter(isWanted)) link(join(theirs, name), join(own, name));
}

function link(target: string, place: string): void {
  mkdirSync(dirname(place), { recursive: true });
  if (!existsSync(place)) symlinkSync(target, place);
}

/** A path as package.json and import statements write it. */
export const posixPath = (path: string): string => path.split(sep).join('/');
