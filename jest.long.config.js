const { existsSync } = require('node:fs');
const { join } = require('node:path');

// Workers inherit it: these specs do more of the same then.
process.env['LONG'] = '1';
const fuller = [
  'cli/drivers',
  'demo/outage',
  'demo/pages',
  'demo/visitors',
  'first-contact/getting-started',
  'first-contact/migrating',
  'middleware/fuzz',
  'outages/load',
  'package/consumers',
  'package/tarball',
  'races/races',
  'recipes/deployments',
  'recipes/serverless',
  'stores/redis/cluster',
  'users/model',
].map((name) => `<rootDir>/spec/${name}.spec.ts`);

/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  testMatch: ['<rootDir>/spec/long/**/*.spec.ts', ...fuller],
  testPathIgnorePatterns: ['/node_modules/'],
  // None written yet is fine; a folder whose specs are not found is not.
  passWithNoTests: !existsSync(join(__dirname, 'spec/long')),
};
