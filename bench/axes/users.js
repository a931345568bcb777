const { OWN, shown, start, visit } = require('./lines');

const COUNTS = [100, 1000, 10_000, 100_000];
const LOGINS = 50;
const WARM_UP = 500;
/** Sessions listed in all, so that a short list is read several times. */
const LISTED = 20_000;

/**
 * CPU µs of the process for each session that is logged in, listed and ended.
 *
 * @param {import('../harness/contestant').Contestant} contestant
 * @param {number} count
 */
async function play(contestant, count) {
  const costOf = async (/** @type {() => Promise<unknown>} */ work, /** @type {number} */ sessions) => {
    const before = await contestant.cpu();
    await work();
    return ((await contestant.cpu()) - before) / sessions;
  };
  const visitTimes = async (
    /** @type {string} */ path,
    /** @type {number} */ times,
    /** @type {number} */ expected,
  ) => {
    for (let n = 0; n < times; n += 1) {
      const answer = await visit(contestant, path);
      if (expected > 0 && answer !== expected) throw new Error(`${path}: ${answer} sessions of ${expected}`);
    }
  };
  await visit(contestant, `/fill?count=${count}`);
  await visitTimes('/login?user=other', WARM_UP, 0);
  const lists = Math.max(1, Math.floor(LISTED / count));
  await visitTimes('/list', Math.min(3, lists), count);
  const list = await costOf(() => visitTimes('/list', lists, count), lists * count);
  const login = await costOf(() => visitTimes('/login?user=big', LOGINS, 0), LOGINS);
  const endAll = await costOf(() => visitTimes('/end-all', 1, count + LOGINS), count + LOGINS);
  return { login, list, endAll };
}

/** @type {import('./lines').Axis} */
module.exports = {
  file: 'users.svg',
  title: 'Sessions of one user, on Redis',
  x: 'sessions',
  y: 'CPU µs per session',
  isLog: true,
  isOnce: true,
  note: 'A login of a user with so many sessions, one after the other; `list()` and `endAll()`, for each session. The floor keeps a sorted set for each user, and ends sessions beside logins without a guarantee. A list is read until 20 000 sessions were read.',
  async draw({ redisPort }) {
    /** @type {import('./lines').Drawn[]} */
    const lines = [];
    for (const name of ['floor', OWN]) {
      /** @type {Record<'login' | 'list' | 'endAll', [number, number][]>} */
      const points = { login: [], list: [], endAll: [] };
      for (const count of COUNTS) {
        const contestant = await start(`users/${name}`, { use: 'create', bytes: 200 }, redisPort);
        const costs = await play(contestant, count);
        await contestant.end();
        for (const work of /** @type {const} */ (['login', 'list', 'endAll'])) points[work].push([count, costs[work]]);
      }
      lines.push(...Object.entries(points).map(([work, each]) => ({ name: `${shown(name)}, ${work}`, points: each })));
    }
    return lines;
  },
};
