import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Requires a package that only specs need; the set-up step installs them beside this file. */
export const interop = createRequire(join(__dirname, 'package.json')) as (name: string) => unknown;
