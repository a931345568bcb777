const { createRequire } = require('node:module');
const path = require('node:path');

/**
 * Requires a package that only the benches need. `npm run bench` installs these packages beside this file.
 *
 * @type {{ (name: string): any, resolve(name: string): string }}
 */
exports.peer = createRequire(__filename);

/** Requires a package that the specs need too, and that `npm run setup` installs. @type {(name: string) => any} */
exports.interop = createRequire(path.join(__dirname, '../spec/interop/package.json'));

/** This package, installed like the peers so that all use the same `cookies`; BENCH_OWN names another build to measure. */
exports.own = process.env['BENCH_OWN'] ?? 'koa-evented-session';
