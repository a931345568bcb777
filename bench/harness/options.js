const { parseArgs } = require('node:util');

/** @param {string | undefined} names with commas between them @returns {string[] | undefined} */
const listOf = (names) => names?.split(',');

/**
 * The options that the benches share: `--workload read,write --contestant floor --rounds 3 --seconds 1`.
 *
 * @param {{ rounds: number, seconds?: number, more?: string[] }} defaults `more`: other options, each a list of names
 */
exports.benchOptions = ({ rounds, seconds = 1, more = [] }) => {
  const { values } = parseArgs({
    options: {
      workload: { type: 'string' },
      contestant: { type: 'string' },
      rounds: { type: 'string', default: String(rounds) },
      seconds: { type: 'string', default: String(seconds) },
      ...Object.fromEntries(more.map((name) => [name, { type: /** @type {const} */ ('string') }])),
    },
  });
  const given = /** @type {Record<string, string | undefined>} */ (values);
  return {
    workload: listOf(values.workload),
    contestant: listOf(values.contestant),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    more: Object.fromEntries(more.map((name) => [name, listOf(given[name])])),
    /** Whether the whole bench runs as it is: only then are results written. */
    isWhole: process.argv.length === 2,
  };
};
