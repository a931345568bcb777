const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  testMatch: ['<rootDir>/spec/long/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // None written yet is fine; a folder whose specs are not found is not.
  passWithNoTests: !existsSync(join(__dirname, 'spec/long')),
};
