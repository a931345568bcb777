const { writeFileSync } = require('node:fs');

/** Writes the numbers of passed and failed tests to the file named by $SPEC_COUNTS, for `.ci/run`. */
module.exports = class CountReporter {
  /** @param {unknown} _contexts @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number }} results */
  onRunComplete(_contexts, results) {
    const file = process.env['SPEC_COUNTS'];
    // A suite that failed to start has no failed tests.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    if (file) writeFileSync(file, `${results.numPassedTests} ${failed}\n`);
  }
};
