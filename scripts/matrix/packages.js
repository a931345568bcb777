const { execFileSync } = require('node:child_process');
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

/**
 * A package that a variant has installed.
 *
 * @typedef {{ folder: string, version: string }} Installed
 */

/**
 * Installs packages into an empty folder, each under the name by which specs load it. None may run a script.
 *
 * @param {string} folder
 * @param {Record<string, string>} packages by name, as `npm install` takes them
 * @returns {Map<string, Installed>} by name
 */
function installed(folder, packages) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'variant', private: true }));
  const aliases = Object.entries(packages).map(([name, wanted]) => `${name}@npm:${wanted}`);
  // A peer of a peer may be any version: it is the package alone that counts.
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--silent'];
  execFileSync('npm', ['install', ...flags, ...aliases], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 600_000,
  });
  return new Map(
    Object.keys(packages).map((name) => {
      const own = join(folder, 'node_modules', name);
      return [name, { folder: own, version: JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')).version }];
    }),
  );
}

module.exports = { installed };
