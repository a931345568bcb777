import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../helpers/programs/node-program';

const isRoot = process.getuid?.() === 0;
/** An account without rights, whose number is the same on all systems. */
const nobody = 65534;

/** A machine that has what is in its folder `bin`, and nothing else. */
class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'setup-'));
  readonly #bin = join(this.folder, 'bin');
  readonly #calls = join(this.folder, 'calls');

  constructor() {
    // Copied, since this account's folders may be closed to others.
    cpSync(join(root, 'scripts'), join(this.folder, 'scripts'), { recursive: true });
    const places = { programFolders: [], servicePolicy: join(this.folder, 'policy') };
    writeFileSync(join(this.folder, 'scripts/machine.js'), `module.exports = ${JSON.stringify(places)};`);
    mkdirSync(join(this.folder, 'spec/interop/node_modules'), { recursive: true });
    writeFileSync(join(this.folder, 'spec/interop/package-lock.json'), '{}');
    mkdirSync(this.#bin);
    writeFileSync(this.#calls, '');
    chmodSync(this.#calls, 0o666);
    chmodSync(this.folder, 0o755);
    symlinkSync('/bin/sh', join(this.#bin, 'sh'));
    this.#has('npm');
  }

  /** What the recorded programs were called with. */
  get calls(): string[] {
    return readFileSync(this.#calls, 'utf8').split('\n').filter(Boolean);
  }

  /** Programs that do nothing here, but are there. */
  with(...names: readonly string[]): this {
    for (const name of names) this.#has(name);
    return this;
  }

  /** An apt-get that installs a program for each package, and that cannot renew its lists if they are `stale`. */
  withApt({ stale = false, installs = true } = {}): this {
    const answer = [
      `echo "services: $([ -e ${this.folder}/policy ] && echo off)" >> ${this.#calls}`,
      `if [ "$2" = update ]; then echo 'Release file expired' >&2; exit ${stale ? 100 : 0}; fi`,
      ...(installs
        ? ['shift 4', `for name; do ${process.execPath} -e "$LINK" ${this.#bin} "$name"; done`]
        : ["echo 'Unable to locate package' >&2", 'exit 100']),
    ];
    this.#has('apt-get', answer.join('\n'));
    return this;
  }

  #has(name: string, then = ''): void {
    writeFileSync(join(this.#bin, name), `#!/bin/sh\necho "${name} $*" >> ${this.#calls}\n${then}\n`, { mode: 0o755 });
  }

  /** Runs the set-up as an account without rights, or as one that it finds to be root. */
  setUp(as: 'nobody' | 'root') {
    const preload = join(this.folder, 'account.js');
    writeFileSync(preload, as === 'root' ? 'process.getuid = () => 0;' : '');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', preload, 'scripts/setup.js'], {
      cwd: this.folder,
      encoding: 'utf8',
      env: {
        PATH: this.#bin,
        // The binary of a package here: that of Debian's names.
        LINK: `const [, bin, name] = process.argv;
          const binary = { 'mariadb-server': 'mariadbd', postgresql: 'postgres' }[name] ?? name;
          require('node:fs').writeFileSync(bin + '/' + binary, '#!/bin/sh', { mode: 0o755 });`,
      },
      ...(isRoot && as === 'nobody' ? { uid: nobody, gid: nobody } : {}),
    });
    return { status, stdout, stderr };
  }
}

describe('npm run setup', () => {
  const servers = ['redis-server', 'mariadbd', 'postgres'];
  let machine: Machine;
  /** All that it looks for, other than the servers. */
  let others: string[];

  beforeAll(() => {
    const empty = new Machine();
    const { stderr } = empty.setUp('nobody');
    others = [...stderr.matchAll(/\((\S+)\), for /g)]
      .map(([, name]) => String(name))
      .filter((it) => !servers.includes(it));
    rmSync(empty.folder, { recursive: true });
  });
  beforeEach(() => {
    machine = new Machine();
  });
  afterEach(() => rmSync(machine.folder, { recursive: true, force: true }));

  const apt = 'sudo apt-get update && sudo apt-get install -y --no-install-recommends';
  it.each([
    ['apt-get', `${apt} redis-server mariadb-server postgresql`],
    ['dnf', 'sudo dnf install -y redis mariadb-server postgresql-server'],
    ['apk', 'sudo apk add redis mariadb postgresql'],
    ['brew', 'brew install redis mariadb postgresql'],
  ])('without root, names all that is missing and the one command for %s, and starts nothing', (manager, command) => {
    const lines = [
      'setup: missing on this machine:',
      '  Redis server (redis-server), for specs of the Redis stores',
      '  MariaDB server (mariadbd), for specs of the SQL store',
      '  PostgreSQL server (postgres), for specs of the SQL store',
      'Run this, then start again:',
      `  ${command}\n`,
    ];
    const { status, stdout, stderr } = machine.with(manager, 'sudo', ...others).setUp('nobody');
    expect(stderr).toBe(lines.join('\n'));
    expect([status, stdout, machine.calls]).toEqual([1, '', []]);
  });

  it('says so if there is no sudo, and leaves it out for root', () => {
    machine.with('apk', 'mariadbd', 'postgres', ...others);
    expect(machine.setUp('nobody').stderr).toMatch(/Run this as root, then start again:\n {2}apk add redis\n$/);
    machine.with('sudo');
    expect(machine.setUp('root').stderr).toMatch(/Run this, then start again:\n {2}apk add redis\n$/);
    expect(machine.calls).toEqual([]);
  });

  it('asks to install by hand if it knows none of the package managers', () => {
    const { status, stderr } = machine.with(...servers).setUp('nobody');
    for (const name of others) expect(stderr).toContain(`(${name}), for `);
    expect(stderr).toMatch(/\nPlease install it, then start again\.\n$/);
    expect([others.length > 1, status, machine.calls]).toEqual([true, 1, []]);
  });

  it('installs the packages of the specs if no program is missing', () => {
    expect(machine.with('apt-get', 'sudo', ...servers, ...others).setUp('root')).toMatchObject({
      status: 0,
      stderr: '',
    });
    machine.setUp('root');
    expect(machine.calls).toEqual(['npm ci --no-audit --no-fund']);
    appendFileSync(join(machine.folder, 'spec/interop/package-lock.json'), ' ');
    machine.setUp('root');
    expect(machine.calls).toHaveLength(2);
  });

  it.each([{ stale: false }, { stale: true }])(
    'as root, installs only what is missing, starting no service: %j',
    (lists) => {
      const { status, stdout, stderr } = machine
        .withApt(lists)
        .with('sudo', 'postgres', ...others)
        .setUp('root');
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('Installing with apt-get: redis-server mariadb-server (starting no service)');
      const install = 'apt-get -q install -y --no-install-recommends redis-server mariadb-server';
      const npm = 'npm ci --no-audit --no-fund';
      expect(machine.calls).toEqual(['apt-get -q update', 'services: off', install, 'services: off', npm]);
      expect(existsSync(join(machine.folder, 'policy'))).toBe(false);
    },
  );

  it('as root, shows what apt-get says if it cannot install, and goes no further', () => {
    const { status, stderr } = machine.withApt({ stale: true, installs: false }).setUp('root');
    expect(stderr).toMatch(/Release file expired[\s\S]*Unable to locate package/);
    expect([status, machine.calls.filter((call) => call.startsWith('npm'))]).toEqual([1, []]);
    expect(existsSync(join(machine.folder, 'policy'))).toBe(false);
  });
});
