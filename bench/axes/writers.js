const { measure } = require('../crowd');
const { median } = require('../harness/measure');
const { OWN } = require('./lines');

const CONTESTANTS = { 'bare Koa': 'koa', 'this package': OWN };

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'writers.svg',
  title: 'Writers of one session at once, on Redis',
  x: 'writers',
  y: 'CPU µs per write',
  isLog: true,
  note: 'All requests are sent at once on one connection, and each sets a different key. Bare Koa has no sessions. `npm run bench:crowd` shows how long another visitor waits.',
  async draw({ redisPort, rounds }) {
    const lines = [];
    for (const [name, contestant] of Object.entries(CONTESTANTS)) {
      /** @type {[number, number][]} */
      const points = [];
      for (const writers of [10, 100, 1000, 10_000]) {
        const costs = [];
        for (let n = 0; n < rounds; n += 1) {
          const crowd = { name: '', writers, bytes: 100, shape: /** @type {const} */ ('text') };
          const { acknowledged, kept, perWrite } = await measure(contestant, crowd, redisPort);
          if (contestant === OWN && kept < acknowledged) throw new Error(`${acknowledged - kept} writes lost`);
          costs.push(perWrite * 1000);
        }
        points.push([writers, median(costs)]);
      }
      lines.push({ name, points });
    }
    return lines;
  },
};
