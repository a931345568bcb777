import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../programs/node-program';

export interface Installed {
  /** A folder whose programs find the package, as it was built, and what it depends on. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** Installs the package alone, except for `others`: folders of node_modules here under their names there. */
export async function installed(others: Record<string, string> = {}): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'spec-installed-'));
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'koa-evented-session');
  await mkdir(own, { recursive: true });
  await cp(join(root, 'dist'), join(own, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(own, 'package.json'));
  const { dependencies } = require('../../../package.json') as { dependencies: Record<string, string> };
  const links = { ...Object.fromEntries(Object.keys(dependencies).map((name) => [name, name])), ...others };
  for (const [name, there] of Object.entries(links)) {
    await symlink(join(root, 'node_modules', there), join(modules, name));
  }
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
