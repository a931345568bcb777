import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { interopPath } from '../../interop';
import { root, startNode } from '../programs/node-program';

/** What the clocks of the applications show when they start. */
export const moment = Date.UTC(2031, 4, 6, 12);

/** The session plugins for Egg: ours is enabled by its path, the other is Egg's own. */
export type EggPlugin = 'egg-session' | 'koa-evented-session';

/** Egg applications with one session plugin, in a separate process and folder. */
export interface EggApps<Name extends string> {
  readonly urls: Record<Name, string>;
  /** What has gone into a log file of one of them. */
  log(name: Name, file: 'egg-web.log' | 'egg-app-web.log' | 'common-error.log'): Promise<string>;
  end(): Promise<void>;
}

/** Starts `spec/fixtures/egg-app` once for each configuration; they share a stopped clock. */
export async function startEggApps<Name extends string>(
  plugin: EggPlugin,
  configurations: Record<Name, object>,
  env: Record<string, string> = {},
): Promise<EggApps<Name>> {
  const dir = await install();
  const program = await startNode([join(dir, 'server.js')], {
    HOME: dir,
    EGG_SERVER_ENV: 'prod',
    SESSION_PLUGIN: plugin,
    TIME: String(moment),
    CONFIGURATIONS: JSON.stringify(configurations),
    ...env,
  });
  const end = async () => {
    await program.end();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const [, urls = ''] = await program.says(/^started: (.+)$/m);
    return {
      urls: JSON.parse(urls),
      log: (name, file) => readFile(join(dir, name, 'logs', file), 'utf8'),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Egg writes into the folder of its application: that is one for the occasion. */
async function install(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'spec-egg-'));
  await cp(join(__dirname, '../../fixtures/egg-app'), dir, { recursive: true });
  await mkdir(join(dir, 'node_modules'));
  for (const name of ['egg', 'egg-session', 'egg-redis', 'koa-passport', 'passport-local']) {
    await symlink(dirname(interopPath(`${name}/package.json`)), join(dir, 'node_modules', name));
  }
  await symlink(root, join(dir, 'node_modules', 'koa-evented-session'));
  return dir;
}
