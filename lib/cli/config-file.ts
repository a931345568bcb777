import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CommandError, usageError } from './exits';

/** What a file exports: by default, or as `module.exports`. */
export async function loadConfig(path: string, cwd: string): Promise<unknown> {
  const file = resolve(cwd, path);
  if (!existsSync(file)) throw usageError(`There is no file ${file}`);
  const loaded = await load(file).catch((error: unknown) => fail(file, error));
  return (loaded as { default?: unknown }).default ?? loaded;
}

/** @throws CommandError */
function fail(file: string, error: unknown): never {
  throw new CommandError(`${file} could not be loaded: ${(error as Error | null)?.message ?? error}`);
}

async function load(file: string): Promise<object> {
  try {
    return Object(createRequire(join(file, '..', 'package.json'))(file));
  } catch (error) {
    // An ES module, or one that awaits at its top.
    if (!/^ERR_REQUIRE_(?:ESM|ASYNC_MODULE)$/.test(String((error as { code?: unknown }).code))) throw error;
    return import(pathToFileURL(file).href);
  }
}
