import { createRequire } from 'node:module';
import { join } from 'node:path';

const packages = createRequire(join(__dirname, 'package.json'));

/** Requires a package that only specs need; the set-up step installs them beside this file. */
export const interop = packages as (name: string) => unknown;

/** The path of such a package's file, as in `egg/package.json`. */
export const interopPath = (file: string): string => packages.resolve(file);
