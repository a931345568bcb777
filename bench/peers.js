const { createRequire } = require('node:module');

/**
 * Requires a package that only the benches need. `npm run bench` installs these packages beside this file.
 *
 * @type {(name: string) => any}
 */
exports.peer = createRequire(__filename);

/** This package, installed like the peers so that all use the same `cookies`; BENCH_OWN names another build to measure. */
exports.own = process.env['BENCH_OWN'] ?? 'koa-evented-session';
