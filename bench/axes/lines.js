const { startContestant } = require('../harness/contestant');
const { median, round, visitors } = require('../harness/measure');

/** Rounds before those that count. */
const WARM_UP = 3;
/** Four times the default space for short-lived objects in Node 20. */
exports.ROOMY = '--max-semi-space-size=64';
exports.OWN = 'koa-evented-session';

/**
 * @typedef {{ redisPort: number, rounds: number, seconds: number }} Setting
 * @typedef {{ name: string, points: [number, number][] }} Drawn a line as it is drawn
 * @typedef {{ label: number, contestant: import('../harness/contestant').Contestant, cookies: string[], connections: number, cpu: number[] }} Point
 * @typedef {{ name: string, points: Point[] }} Line
 * @typedef {{ file: string, title: string, x: string, y: string, isLog: boolean, isOnce?: boolean, note?: string, draw(setting: Setting): Promise<Drawn[]> }} Axis
 */

/** A contestant as the plots call it. @param {string} name */
exports.shown = (name) => (name === exports.OWN ? 'this package' : name);

/**
 * A point of a line: what a request of this workload costs.
 *
 * @param {number} label where it is on the axis
 * @param {import('../harness/contestant').Contestant} contestant several points may share one
 * @param {number} [connections]
 * @returns {Promise<Point>}
 */
exports.pointOf = async (label, contestant, connections = 32) => {
  return { label, contestant, cookies: await visitors(contestant.port, 200), connections, cpu: [] };
};

/** Starts a contestant on Redis. @param {string} name @param {object} workload @param {number} port @param {string[]} [flags] Node's */
exports.start = (name, workload, port, flags) =>
  startContestant(name, /** @type {any} */ ({ bytes: 1000, cookie: true, ...workload }), port, flags);

/** The number that a contestant answers with. @param {import('../harness/contestant').Contestant} contestant @param {string} path */
exports.visit = async ({ port }, path) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return Number(await response.text());
};

/**
 * Interleaves the points of all lines and starts each round with another one, so that disturbances affect all of them. Ends the
 * contestants.
 *
 * @param {Line[]} lines
 * @param {Setting} setting
 * @returns {Promise<Drawn[]>}
 */
exports.measured = async (lines, { rounds, seconds }) => {
  const turns = lines.flatMap(({ points }) => points);
  // The last pair for a key counts: its first point warms a contestant up.
  const contestants = new Map([...turns].reverse().map((point) => [point.contestant, point]));
  const load = (/** @type {Point} */ { cookies, connections }) => ({
    path: '/',
    cookies,
    connections,
    // Opening the connections must not take the whole round.
    seconds: Math.max(seconds, Math.ceil(connections / 500)),
  });
  for (let n = 0; n < WARM_UP; n += 1) {
    for (const point of contestants.values()) await round(point.contestant, load(point));
  }
  for (let n = 0; n < rounds; n += 1) {
    for (const point of turns) {
      // The first round after the others is not counted: V8 has shrunk the heap since, and has to grow it again.
      await round(point.contestant, load(point));
      point.cpu.push((await round(point.contestant, load(point))).cpu);
    }
    turns.push(...turns.splice(0, 1));
  }
  for (const contestant of contestants.keys()) await contestant.end();
  return lines.map(({ name, points }) => ({ name, points: points.map(({ label, cpu }) => [label, median(cpu)]) }));
};
