import type { Project } from '../project';
import { packageVersion } from '../version';
import { type Check, ok, problem, warning } from './finding';

/** What the checks of versions look at. */
export interface Installed {
  project: Project;
  /** The drivers that the sessions may need. */
  drivers: readonly string[];
}

/** The oldest Node that runs the package. */
const OLDEST_NODE = [20, 12] as const;

const node: Check<Installed> = {
  name: 'Node',
  run: () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
    const found = process.versions.node;
    return isOld ? problem(found, `Node ${OLDEST_NODE.join('.')} or later is needed`) : ok(found);
  },
};

const driver: Check<Installed> = {
  name: 'drivers',
  run: ({ project, drivers }) => {
    const versions = drivers.flatMap((name) => {
      const version = project.versionOf(name);
      return version === undefined ? [] : [`${name} ${version}`];
    });
    return ok(versions.join(', ') || 'none in this folder');
  },
};

const ownPackage: Check<Installed> = {
  name: 'koa-evented-session',
  run: ({ project }) => {
    const [running, installed] = [packageVersion(), project.versionOf('koa-evented-session')];
    if (installed === undefined || installed === running) return ok(running);
    return warning(
      `${running}, but the project has ${installed}`,
      'Run the command in the folder of the application, so that both are the same',
    );
  },
};

/** The checks of versions, in order. */
export const VERSION_CHECKS: readonly Check<Installed>[] = [node, driver, ownPackage];
