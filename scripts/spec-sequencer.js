const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Specs that take longest, which jest cannot know in a fresh checkout: it would start with the largest files, and end with one of
 * these alone. Those that measure memory come first: to collect garbage takes far longer in a worker that has run many files.
 */
const first = [
  'costs/long-responses',
  'stores/memory',
  'races/races',
  'users/model',
  'demo/visitors',
  'package/consumers',
  'demo/pages',
  'demo/outage',
  'races/moving',
  'users/indexing-on-servers',
  'outages/nothing-late',
  'stores/knex/servers',
  'stores/redis/cluster',
  'outages/load',
].map((name) => `/spec/${name}.spec.ts`);

/** Jest's order, after the longest. */
module.exports = class SpecSequencer extends Sequencer {
  /** @override @param {import('@jest/test-result').Test[]} tests */
  async sort(tests) {
    /** @param {import('@jest/test-result').Test} test */
    const rank = ({ path }) => {
      const place = first.findIndex((file) => path.replaceAll('\\', '/').endsWith(file));
      return place === -1 ? first.length : place;
    };
    const sorted = [...(await super.sort(tests))];
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
};
