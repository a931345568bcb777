import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const AGE = 'exports.isOfAge = (age) => age > 17;\nexports.isOld = (age) => age > 90;\n';

/** A project whose specs look at one of its functions, and not at the other. */
const FILES = {
  'jest.config.js': "module.exports = { testEnvironment: 'node', testMatch: ['**/*.spec.ts'], transform: {} };",
  'lib/record/age.ts': AGE,
  'spec/record/people.spec.ts': `
    const { isOfAge } = require('../../lib/record/age.ts');
    it('begins with 18', () => expect([17, 18].map(isOfAge)).toEqual([false, true]));`,
};

describe('npm run mutate', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'mutated-'));
    for (const [name, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('tells which faults the specs notice, names those that survive, and leaves the files as they are', async () => {
    const script = join(__dirname, '../../scripts/mutate.mjs');
    // Of the six faults of the file, the seed draws one in each function.
    const args = [script, '--root', root, '--files', 'lib/record', '--sample', '2', '--seed', '15'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/^seed 15, /);
    expect(stdout).toMatch(/survived: lib\/record\/age\.ts:2 {2}\S+ {2}=> {2}\S+\n/);
    expect(stdout).toContain('lib/record/age.ts: 1 killed, 0 timed out, 1 survived, 0 not reached of 2\n');
    expect(readFileSync(join(root, 'lib/record/age.ts'), 'utf8')).toBe(AGE);
  });
});
