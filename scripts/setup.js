const { spawnSync } = require('node:child_process');
const { existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { findProgram } = require('./find-program');

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

// In search order; brew comes last, since it may be installed beside the others.
const managers = [
  { name: 'apt', binary: 'apt-get', install: 'sudo apt-get update && sudo apt-get install -y --no-install-recommends' },
  { name: 'dnf', binary: 'dnf', install: 'sudo dnf install -y' },
  { name: 'apk', binary: 'apk', install: 'sudo apk add' },
  { name: 'brew', binary: 'brew', install: 'brew install' },
];

/** @param {string} binary */
function isThere(binary) {
  return findProgram(binary) !== undefined;
}

/** @param {string[]} args */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Show its long output only if it fails.
  const { status, stdout, stderr, error } = spawnSync('apt-get', ['-q', ...args], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed\n${stdout}${stderr}${error?.message ?? ''}`);
}

/** @param {() => void} work */
function withoutStartingServices(work) {
  const policy = '/usr/sbin/policy-rc.d';
  // Keep an existing policy of the machine.
  const ours = !existsSync(policy);
  try {
    if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    work();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/** @param {typeof needs} missing */
function installByApt(missing) {
  const packages = missing.map(({ packages }) => packages.apt);
  console.log(
    `setup: ${listed(missing)} missing; installing with apt-get: ${packages.join(' ')} (starting no service)`,
  );
  withoutStartingServices(() => {
    apt(['update']);
    apt(['install', '-y', '--no-install-recommends', ...packages]);
  });
}

/** @param {typeof needs} missing */
function listed(missing) {
  return missing.map(({ what, binary, neededBy }) => `${what} (${binary}, for ${neededBy})`).join(', ');
}

/** @param {typeof needs} missing */
function advice(missing) {
  const manager = managers.find(({ binary }) => isThere(binary));
  if (!manager) return `setup: ${listed(missing)} missing; please install it`;
  const name = /** @type {keyof typeof needs[0]['packages']} */ (manager.name);
  return `setup: ${listed(missing)} missing; run:\n  ${manager.install} ${missing.map((row) => row.packages[name]).join(' ')}`;
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

function installPrograms() {
  const missing = needs.filter(({ binary }) => !isThere(binary));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) throw new Error(advice(missing));
  installByApt(missing);
  const still = missing.filter(({ binary }) => !isThere(binary));
  if (still.length > 0) throw new Error(`setup: ${listed(still)} still missing after installing`);
}

try {
  installPrograms();
  installInterop();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
