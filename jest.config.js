const { statfsSync } = require('node:fs');

// Servers and packages of specs make thousands of files and remove them: in memory, where there is plenty of it, none is written.
// A container that has not asked for more has 64 MB there.
const inMemory = '/dev/shm';
if (process.env['TMPDIR'] === undefined && room(inMemory) > 2e9) process.env['TMPDIR'] = inMemory;

/** How many bytes may be written there; 0 if there is no such folder. @param {string} folder */
function room(folder) {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: '<rootDir>/scripts/spec-environment.js',
  // Stores that a spec leaves open sweep later, on timers that hold no process: what they ask the time of must be there still.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  testSequencer: '<rootDir>/scripts/spec-sequencer.js',
  // Specs of outages wait more than they work, and two of them fit on two cores. A third one makes specs about time fail.
  maxWorkers: 2,
  // Workers grow with every file that they run, and to start another one takes a second.
  workerIdleMemoryLimit: '800MB',
  // Machines are three times slower at times; what hangs is found out in a minute too.
  testTimeout: 60_000,
  setupFiles: ['<rootDir>/spec/helpers/weak-secrets.ts'],
  testMatch: ['<rootDir>/spec/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/spec/long/'],
  // Build output and try-outs would otherwise clash with the package's own name.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/coverage/'],
  // Types are checked by `npm run types`, once, for all files.
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/*.d.ts'],
  coverageReporters: ['text', 'text-summary'],
  coverageThreshold: { global: { branches: 95 } },
  reporters: ['default', '<rootDir>/scripts/count-reporter.js'],
};
