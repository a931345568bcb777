import { existsSync } from 'node:fs';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root } from '../programs/node-program';

const own = 'koa-evented-session';
const { dependencies } = require('../../../package.json') as { dependencies: Record<string, string> };

/** Where the specs have several versions of a package: the newest. */
const newest: Record<string, string> = { ioredis: 'ioredis6', redis: 'redis6' };

/**
 * Does in `folder` what a line such as `npm install koa@3 koa-redis` or `npm uninstall koa` does, within milliseconds and without a registry: links
 * packages that specs have installed. Other lines for npm do nothing.
 */
export async function linkAsNpm(folder: string, line: string): Promise<void> {
  const [, command, ...words] = line.split(' ');
  const names = words.filter((word) => !word.startsWith('-')).map((word) => word.replace(/(?<=.)@[^/]+$/, ''));
  const modules = join(folder, 'node_modules');
  for (const name of names) {
    const place = join(modules, name);
    if (command === 'uninstall') await rm(place, { recursive: true });
    if (command !== 'install') continue;
    if (name === own) await copyBuilt(modules);
    else await link(place, name);
  }
}

/** The package as it was built, so that it finds what it needs in the folder of its user. */
async function copyBuilt(modules: string): Promise<void> {
  for (const file of ['dist', 'package.json']) {
    await cp(join(root, file), join(modules, own, file), { recursive: true });
  }
  for (const name of Object.keys(dependencies)) await link(join(modules, name), name);
}

async function link(place: string, name: string): Promise<void> {
  const places = [join(root, 'spec/interop/node_modules', newest[name] ?? name), join(root, 'node_modules', name)];
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`The specs have not installed ${name}`);
  await mkdir(dirname(place), { recursive: true });
  if (!existsSync(place)) await symlink(found, place);
}
