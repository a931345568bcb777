const { parseArgs } = require('node:util');

/**
 * The options that the benches share, such as `--workload read,write --rounds 3 --seconds 1`.
 *
 * @template {string} T
 * @param {{ rounds: number, seconds?: number, lists: T[] }} defaults `lists`: the options that take names
 */
exports.benchOptions = ({ rounds, seconds = 1, lists }) => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(rounds) },
      seconds: { type: 'string', default: String(seconds) },
      ...Object.fromEntries(lists.map((name) => [name, { type: /** @type {const} */ ('string') }])),
    },
  });
  const given = /** @type {Record<string, string | undefined>} */ (values);
  const names = lists.map((name) => [name, given[name]?.split(',')]);
  return {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    .../** @type {Record<T, string[] | undefined>} */ (Object.fromEntries(names)),
    /** Whether the whole bench runs as it is: only then are all results written. */
    isWhole: process.argv.length === 2,
  };
};
