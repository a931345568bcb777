/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: '<rootDir>/scripts/spec-environment.js',
  // Stores that a spec leaves open sweep later, on timers that hold no process: what they ask the time of must be there still.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  // Specs of outages wait more than they work, and two of them fit on two cores.
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
