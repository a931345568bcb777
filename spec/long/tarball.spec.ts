import { join } from 'node:path';
import { checkOut, emptyFolder, filesIn, pack } from '../helpers/package/npm';
import { root } from '../helpers/programs/node-program';

jest.setTimeout(120_000);

const folder = emptyFolder();

describe('npm pack in a fresh checkout', () => {
  it('builds everything that `npm run build` builds in the project', async () => {
    const built = await filesIn(await pack(root, folder, '--ignore-scripts'));
    const checkout = join(folder, 'checkout');
    checkOut(checkout);
    const files = await filesIn(await pack(checkout, folder));
    expect(files.sort()).toEqual(built.sort());
    expect(files).toContain('dist/main.js');
  });
});
