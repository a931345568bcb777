import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../../../lib/cli/io';
import { run } from '../../../lib/cli/run';

const modules = join(__dirname, '../../interop/node_modules');

/** What a command has said, and how it ended. */
export interface Said {
  exit: number;
  out: string;
  err: string;
}

/** What the process would be that a command runs in. Default: nothing in the environment, no terminal. */
export type Surroundings = Partial<Pick<Io, 'env' | 'cwd' | 'showsProgress' | 'hasColors' | 'ask' | 'signal'>> & {
  /** Called with what the command says on stderr. */
  heard?(text: string): void;
};

/** Runs a command in this process. */
export async function command(line: string | readonly string[], surroundings: Surroundings = {}): Promise<Said> {
  const { heard, ...given } = surroundings;
  const said = { out: '', err: '' };
  const io: Io = {
    env: {},
    cwd: tmpdir(),
    showsProgress: false,
    hasColors: false,
    ask: undefined,
    signal: new AbortController().signal,
    ...given,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
      heard?.(text);
    },
  };
  const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  return { exit: await run(argv, io), ...said };
}

/** A folder of a user's project, with packages of `spec/interop` under the names that users know. Gone after the specs. */
export function project(packages: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'spec-project-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'application', private: true }));
  for (const [name, installed] of Object.entries(packages)) {
    symlinkSync(join(modules, installed), join(folder, 'node_modules', name));
  }
  return folder;
}
