const { createRequire } = require('node:module');

/**
 * Requires a package that only the benches need; `npm run bench` installs them beside this file.
 *
 * @type {(name: string) => any}
 */
exports.peer = createRequire(__filename);
