const { measured, OWN, pointOf, ROOMY, shown, start } = require('./lines');

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'connections.svg',
  title: 'Connections at once, on Redis',
  x: 'connections',
  y: 'CPU µs per request',
  isLog: true,
  note: `Read, each with Node as it is and with \`node ${ROOMY}\`.`,
  async draw(setting) {
    const lines = [];
    for (const flags of [[], [ROOMY]]) {
      for (const name of ['floor', OWN]) {
        const contestant = await start(name, { use: 'read' }, setting.redisPort, flags);
        const points = [];
        for (const connections of [10, 30, 100, 300, 1000]) {
          points.push(await pointOf(connections, contestant, connections));
        }
        lines.push({ name: flags.length === 0 ? shown(name) : `${shown(name)}, 64 MB`, points });
      }
    }
    return measured(lines, setting);
  },
};
