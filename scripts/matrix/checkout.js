const { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const left = /[\\/](node_modules|\.git|coverage|screenshots)$/;

/**
 * Copies the project, as it is built, to `copy`. Its packages are links to those of the project, except for the given ones.
 *
 * @param {string} root
 * @param {string} copy
 * @param {Map<string, import('./packages').Installed>} packages those that replace the project's, by name
 */
function checkOut(root, copy, packages) {
  cpSync(root, copy, { recursive: true, filter: (path) => !left.test(path) });
  for (const folder of ['.', 'spec/interop']) {
    const [theirs, own] = [join(root, folder, 'node_modules'), join(copy, folder, 'node_modules')];
    if (!existsSync(theirs)) continue;
    for (const name of namesIn(theirs)) link(packages.get(name)?.folder ?? join(theirs, name), join(own, name));
    rewriteManifest(join(copy, folder, 'package.json'), packages);
  }
}

/**
 * Lets installed packages find what they load only if it is there, such as the drivers of Knex.
 *
 * @param {string} root
 * @param {string} folder where they are installed
 */
function lend(root, folder) {
  const theirs = join(root, 'spec/interop/node_modules');
  for (const name of existsSync(theirs) ? namesIn(theirs) : []) {
    const place = join(folder, 'node_modules', name);
    if (!existsSync(place)) link(join(theirs, name), place);
  }
}

/** @param {string} modules a folder with packages */
function namesIn(modules) {
  return readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((scoped) => `${name}/${scoped}`) : [name],
  );
}

/** @param {string} target @param {string} place */
function link(target, place) {
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
}

/**
 * Says which versions are there: specs of the package install what it names.
 *
 * @param {string} path
 * @param {Map<string, import('./packages').Installed>} packages
 */
function rewriteManifest(path, packages) {
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  for (const list of [manifest.dependencies, manifest.devDependencies]) {
    for (const name of Object.keys(list ?? {})) list[name] = packages.get(name)?.version ?? list[name];
  }
  writeFileSync(path, JSON.stringify(manifest, null, 2));
}

module.exports = { checkOut, lend };
