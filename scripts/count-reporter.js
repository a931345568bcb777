const { writeFileSync } = require('node:fs');

/** Leaves `passed failed` in the file $SPEC_COUNTS names, for `.ci/run` to read. */
module.exports = class CountReporter {
  /** @param {unknown} _contexts @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number }} results */
  onRunComplete(_contexts, results) {
    const file = process.env['SPEC_COUNTS'];
    // A suite that could not even start has no failed tests of its own.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    if (file) writeFileSync(file, `${results.numPassedTests} ${failed}\n`);
  }
};
