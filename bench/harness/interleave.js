const { deviation, median, round } = require('./measure');

/**
 * @typedef {{ contestant: import('./contestant').Contestant, cookies: string[] }} Entry
 * @typedef {{ name: string, perSecond: number, cpu: number, deviation: number, ratioTo: (other: string) => number }} Row
 */

/**
 * Interleaves the contestants and starts each round with another one, so that disturbances affect all of them. Returns medians, and
 * the median of the ratios within each round.
 *
 * @param {Entry[]} entries
 * @param {{ path: string, connections: number, seconds: number }} load
 * @param {number} rounds
 * @param {number} warmUp rounds before those that count
 * @returns {Promise<Row[]>}
 */
exports.interleave = async (entries, load, rounds, warmUp) => {
  const turns = entries.map((entry) => ({
    ...entry,
    measured: /** @type {{ perSecond: number, cpu: number }[]} */ ([]),
  }));
  const runs = [...turns];
  for (let n = -warmUp; n < rounds; n += 1) {
    for (const { contestant, cookies, measured } of turns) {
      const result = await round(contestant, { ...load, cookies });
      if (n >= 0) measured.push(result);
    }
    turns.push(...turns.splice(0, 1));
  }
  const cpusOf = (/** @type {string} */ name) =>
    runs.find(({ contestant }) => contestant.name === name)?.measured.map(({ cpu }) => cpu) ?? [];
  return runs.map(({ contestant: { name }, measured }) => {
    const cpus = cpusOf(name);
    return {
      name,
      perSecond: median(measured.map(({ perSecond }) => perSecond)),
      cpu: median(cpus),
      deviation: deviation(cpus),
      ratioTo: (other) => median(cpusOf(other).map((cpu, n) => Number(cpus[n]) / cpu)),
    };
  });
};
