const { measured, OWN, pointOf, shown, start } = require('./lines');

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'size.svg',
  title: 'Size of the session, on Redis',
  x: 'kB',
  y: 'CPU µs per request',
  isLog: false,
  async draw(setting) {
    const lines = [];
    for (const name of ['floor', OWN]) {
      for (const use of ['read', 'write']) {
        const points = [];
        for (const kilobytes of [1, 20, 40, 60]) {
          const workload = { use, bytes: kilobytes * 1000 };
          points.push(await pointOf(kilobytes, await start(name, workload, setting.redisPort)));
        }
        lines.push({ name: `${shown(name)}, ${use}`, points });
      }
    }
    return measured(lines, setting);
  },
};
