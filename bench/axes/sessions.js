const { measured, pointOf, start } = require('./lines');

const CONTESTANTS = { 'Map of texts': 'floor-in-memory', MemoryStore: 'koa-evented-session-in-memory' };

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'sessions.svg',
  title: 'Sessions in a MemoryStore',
  x: 'sessions',
  y: 'CPU µs per request',
  isLog: true,
  async draw(setting) {
    const lines = [];
    for (const [name, contestant] of Object.entries(CONTESTANTS)) {
      for (const use of ['read', 'write']) {
        const points = [];
        for (const stored of [1e3, 3e4, 1e6]) {
          points.push(await pointOf(stored, await start(contestant, { use, stored }, setting.redisPort)));
        }
        lines.push({ name: `${name}, ${use}`, points });
      }
    }
    return measured(lines, setting);
  },
};
