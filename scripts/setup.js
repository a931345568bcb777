const { spawnSync } = require('node:child_process');
const { existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { findProgram } = require('./find-program');
const { servicePolicy } = require('./machine');

// The programs that the specs or the demo start. `packages` has their names for each package manager.
const needs = [
  {
    what: 'Redis server',
    binary: 'redis-server',
    packages: { apt: 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' },
    neededBy: 'specs of the Redis stores',
  },
  {
    what: 'MariaDB server',
    binary: 'mariadbd',
    packages: { apt: 'mariadb-server', dnf: 'mariadb-server', apk: 'mariadb', brew: 'mariadb' },
    neededBy: 'specs of the SQL store',
  },
  {
    what: 'PostgreSQL server',
    binary: 'postgres',
    packages: { apt: 'postgresql', dnf: 'postgresql-server', apk: 'postgresql', brew: 'postgresql' },
    neededBy: 'specs of the SQL store',
  },
  {
    what: 'OpenSSL',
    binary: 'openssl',
    packages: { apt: 'openssl', dnf: 'openssl', apk: 'openssl', brew: 'openssl' },
    neededBy: 'specs of encrypted connections',
  },
  {
    what: 'nginx',
    binary: 'nginx',
    packages: { apt: 'nginx', dnf: 'nginx', apk: 'nginx', brew: 'nginx' },
    neededBy: 'the spec of a recipe',
  },
  {
    what: 'Chromium',
    binary: 'chromium',
    packages: { apt: 'chromium', dnf: 'chromium', apk: 'chromium', brew: 'chromium' },
    neededBy: 'specs of the demo',
  },
];

// In search order; brew comes last, since it may be installed beside the others. Those that change the system need root.
const managers = [
  {
    name: 'apt',
    binary: 'apt-get',
    commands: ['apt-get update', 'apt-get install -y --no-install-recommends'],
    needsRoot: true,
  },
  { name: 'dnf', binary: 'dnf', commands: ['dnf install -y'], needsRoot: true },
  { name: 'apk', binary: 'apk', commands: ['apk add'], needsRoot: true },
  { name: 'brew', binary: 'brew', commands: ['brew install'], needsRoot: false },
];

const isRoot = process.getuid?.() === 0;

/** @param {string} binary */
function isThere(binary) {
  return findProgram(binary) !== undefined;
}

/**
 * Runs apt-get; what it said if it failed.
 *
 * @param {string[]} args
 */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Show its long output only if it fails.
  const { status, stdout, stderr, error } = spawnSync('apt-get', ['-q', ...args], { env, encoding: 'utf8' });
  return status === 0 ? undefined : `apt-get ${args.join(' ')} failed\n${stdout}${stderr}${error?.message ?? ''}`;
}

/** @param {() => void} work */
function withoutStartingServices(work) {
  // Keep an existing policy of the machine.
  const ours = !existsSync(servicePolicy);
  try {
    if (ours) writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    work();
  } finally {
    if (ours) rmSync(servicePolicy, { force: true });
  }
}

/** @param {typeof needs} missing */
function installByApt(missing) {
  const packages = missing.map(({ packages }) => packages.apt);
  console.log(`${listed(missing)}\nInstalling with apt-get: ${packages.join(' ')} (starting no service)`);
  withoutStartingServices(() => {
    // One source of several may be out of order, and the packages come from the others.
    const update = apt(['update']);
    const install = apt(['install', '-y', '--no-install-recommends', ...packages]);
    if (install !== undefined) throw new Error([update, install].filter(Boolean).join('\n'));
  });
}

/** @param {typeof needs} missing */
function listed(missing) {
  const lines = missing.map(({ what, binary, neededBy }) => `  ${what} (${binary}), for ${neededBy}`);
  return `setup: missing on this machine:\n${lines.join('\n')}`;
}

/**
 * What to run instead. Nothing here runs it: it changes the system, and may ask for a password.
 *
 * @param {typeof needs} missing
 */
function advice(missing) {
  const manager = managers.find(({ binary }) => isThere(binary));
  if (!manager) return `${listed(missing)}\nPlease install it, then start again.`;
  const name = /** @type {keyof typeof needs[0]['packages']} */ (manager.name);
  const packages = missing.map((row) => row.packages[name]).join(' ');
  const sudo = manager.needsRoot && !isRoot && isThere('sudo') ? 'sudo ' : '';
  const command = manager.commands.map((each) => `${sudo}${each}`).join(' && ');
  const who = manager.needsRoot && !isRoot && sudo === '' ? ' as root' : '';
  return `${listed(missing)}\nRun this${who}, then start again:\n  ${command} ${packages}`;
}

/** Installs the packages that only specs need. They are separate from the project's, so that `npm ci` stays small. */
function installInterop() {
  const folder = join(__dirname, '..', 'spec', 'interop');
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const stamp = join(folder, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('setup: installing the packages that only specs need, in spec/interop');
  const { status, stdout, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`setup: npm ci failed in spec/interop; run it there once you are online\n${stdout}${stderr}`);
  }
  writeFileSync(stamp, lock);
}

/** Installs only where it was started as root on a system with apt-get. Otherwise it stops here, before anything has changed. */
function installPrograms() {
  const missing = needs.filter(({ binary }) => !isThere(binary));
  if (missing.length === 0) return;
  if (!isRoot || !isThere('apt-get')) throw new Error(advice(missing));
  installByApt(missing);
  const still = missing.filter(({ binary }) => !isThere(binary));
  if (still.length > 0) throw new Error(`${listed(still)}\nIt is missing after installing, too.`);
}

try {
  installPrograms();
  installInterop();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
