import { hash } from 'node:crypto';
import type { RedisDriver } from './driver';

/** A Lua script with one key, and the digest by which Redis knows the script once it has run. */
export class Script {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha = hash('sha1', source);
  }

  /** Redis forgets scripts when it restarts, fails over or is told to. The source is then sent once. */
  async run(driver: RedisDriver, key: string, ...args: string[]): Promise<unknown> {
    try {
      return await driver.evalsha(this.#sha, key, args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return driver.eval(this.#source, key, args);
    }
  }
}
