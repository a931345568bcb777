const { basename } = require('node:path');
const manifest = require('../package.json');

/**
 * The entry points in the `exports` of package.json: the name that users import, and its source.
 *
 * @returns {{ name: string, source: string }[]}
 */
function entryPoints() {
  return Object.entries(manifest.exports)
    .map(([path, target]) => ({ path, built: firstFile(target) }))
    .filter(({ built }) => built?.startsWith('./dist/') && !built.endsWith('.json'))
    .map(({ path, built }) => ({
      name: path.replace('.', manifest.name),
      source: `lib/${basename(String(built)).replace(/(\.d)?\.[cm]?[jt]s$/, '.ts')}`,
    }));
}

/** @param {unknown} target @returns {string | undefined} the first file that a condition leads to */
function firstFile(target) {
  if (typeof target === 'string') return target;
  return Object.values(target ?? {})
    .map(firstFile)
    .find(Boolean);
}

module.exports = { entryPoints };
