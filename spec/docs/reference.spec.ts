import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isThere, linksOf, referencePages, textOf } from '../helpers/docs/markdown';
import { root } from '../helpers/programs/node-program';

describe('the API reference', () => {
  it('is the output of `npm run docs`', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reference-'));
    try {
      await promisify(execFile)(process.execPath, ['scripts/reference.mjs', folder], { cwd: root });
      const written = readdirSync(folder).map((name) => [`docs/api/${name}`, readFileSync(join(folder, name), 'utf8')]);
      expect(Object.fromEntries(referencePages.map((page) => [page, textOf(page)]))).toEqual(
        Object.fromEntries(written),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('links only to existing targets', () => {
    expect(referencePages.flatMap(linksOf).filter((link) => !isThere(link))).toEqual([]);
  });
});
