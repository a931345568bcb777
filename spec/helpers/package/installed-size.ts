import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folders of a package and of all that it needs to run, as a program in `from` finds them; the package's is the first. */
export function packagesOf(name: string, from: string, found: string[] = []): string[] {
  const folder = find(name, from);
  if (found.includes(folder)) return found;
  found.push(folder);
  for (const dependency of Object.keys(manifestOf(folder).dependencies ?? {})) packagesOf(dependency, folder, found);
  return found;
}

/** The bytes of a package's files, without those of packages within it. */
export function sizeOf(folder: string): number {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== 'node_modules');
  const sizes = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sizeOf(path) : statSync(path).size;
  });
  return sizes.reduce((a, b) => a + b, 0);
}

export const versionOf = (folder = ''): string => manifestOf(folder).version;

function manifestOf(folder: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function find(name: string, from: string): string {
  const folder = join(from, 'node_modules', name);
  if (existsSync(folder)) return realpathSync(folder);
  if (from === dirname(from)) throw new Error(`${name} is not installed`);
  return find(name, dirname(from));
}
