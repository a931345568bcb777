// Says what "are the types wrong" finds in a tarball. A program of its own: it is an ES module, which jest cannot load.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../interop/package.json', import.meta.url));
const { checkPackage, createPackageFromTarballData } = await import(require.resolve('@arethetypeswrong/core'));

const result = await checkPackage(createPackageFromTarballData(readFileSync(process.argv[2] ?? '')));
if (!result.types) throw new Error('the tarball has no types');
console.log(JSON.stringify({ entries: Object.keys(result.entrypoints), problems: result.problems }));
