const { createRequire } = require('node:module');

/**
 * Requires a package that only the benches need; `npm run bench` installs them beside this file.
 *
 * @type {(name: string) => any}
 */
exports.peer = createRequire(__filename);

/** This package, installed as an application has it, so that both have the same `cookies`; or the package that BENCH_OWN names. */
exports.own = process.env['BENCH_OWN'] ?? 'koa-evented-session';
