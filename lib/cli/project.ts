import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CommandError } from './exits';

/** Packages of the user's project. This package comes without a driver. */
export class Project {
  readonly #require: NodeJS.Require;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#require = createRequire(join(folder, 'package.json'));
  }

  /** Whether the project can load the package. */
  has(name: string): boolean {
    try {
      this.#require.resolve(name);
      return true;
    } catch {
      return false;
    }
  }

  /** @throws CommandError that says how to install the package, if it is missing. */
  load(name: string, why: string): unknown {
    if (!this.has(name)) {
      throw new CommandError(`${why} needs the package ${name}: run \`npm install ${name}\` in ${this.#folder}`);
    }
    return this.#require(name);
  }

  /** The version of an installed package. */
  versionOf(name: string): string | undefined {
    // Not every package exports its package.json.
    const folders = this.#require.resolve.paths(name) ?? [];
    for (const folder of folders) {
      try {
        return (this.#require(join(folder, name, 'package.json')) as { version?: string }).version;
      } catch {
        // It may be in the next one.
      }
    }
    return undefined;
  }
}
