const { setTimeout: pause } = require('node:timers/promises');
const { OWN, shown, start, visit } = require('./lines');

const COUNTS = [100, 1000, 10_000];
const WARM_UP = 1000;
/** Look-ups that are measured together. */
const LOOK_UPS = 10;
/** Longer than a look-up of all sessions takes, in milliseconds. */
const LOOKED_UP = 400;
/** How long the message of the last end may take, in milliseconds. */
const TOLD = 60_000;

/**
 * CPU µs of the process that watches, for each session: to begin, for one look-up, and to hear that it has ended.
 *
 * @param {import('../harness/contestant').Contestant} watching
 * @param {import('../harness/contestant').Contestant} ending another process, which ends the sessions
 * @param {number} count
 */
async function play(watching, ending, count) {
  const costOf = async (/** @type {() => Promise<unknown>} */ work) => {
    const before = await watching.cpu();
    await work();
    return ((await watching.cpu()) - before) / count;
  };
  const heardAll = async (/** @type {number} */ expected) => {
    for (const giveUp = performance.now() + TOLD; (await visit(watching, '/ended')) < expected; await pause(20)) {
      if (performance.now() > giveUp) throw new Error(`Not all of ${count} ends were heard`);
    }
  };
  const cycle = async (/** @type {number} */ watched, /** @type {number} */ before) => {
    await visit(watching, `/fill?count=${watched}`);
    const watch = await costOf(() => visit(watching, `/watch?count=${watched}`));
    const lookUp = await costOf(async () => {
      for (let n = 0; n < LOOK_UPS; n += 1) {
        await visit(watching, '/look-up');
        await pause(LOOKED_UP);
      }
    });
    const end = await costOf(async () => {
      await visit(ending, `/end-all?count=${watched}`);
      await heardAll(before + watched);
    });
    return { watch, 'look-up': lookUp / LOOK_UPS, end };
  };
  await cycle(WARM_UP, 0);
  return cycle(count, WARM_UP);
}

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'watched.svg',
  title: 'Watched sessions of one process, on Redis',
  x: 'watched sessions',
  y: 'CPU µs per session',
  isLog: true,
  isOnce: true,
  note: 'Another process ends all of them. Without their sockets, which cost the same whatever watches the sessions. The floor subscribes once, keeps a Map of listeners, and looks nothing up; this package looks all sessions up every 20 seconds, because messages may be lost, and confirms each message.',
  async draw({ redisPort }) {
    /** @type {import('./lines').Drawn[]} */
    const lines = [];
    for (const name of ['floor', OWN]) {
      /** @type {Record<'watch' | 'look-up' | 'end', [number, number][]>} */
      const points = { watch: [], 'look-up': [], end: [] };
      for (const count of COUNTS) {
        const [watching, ending] = await Promise.all(
          [1, 2].map(() => start(`watched/${name}`, { use: 'read', bytes: 200 }, redisPort)),
        );
        if (watching === undefined || ending === undefined) throw new Error('A contestant did not start');
        const costs = await play(watching, ending, count);
        await Promise.all([watching.end(), ending.end()]);
        for (const work of /** @type {const} */ (['watch', 'look-up', 'end'])) points[work].push([count, costs[work]]);
      }
      // The floor has no look-up.
      const drawn = Object.entries(points).filter(([work]) => name === OWN || work !== 'look-up');
      lines.push(...drawn.map(([work, each]) => ({ name: `${shown(name)}, ${work}`, points: each })));
    }
    return lines;
  },
};
