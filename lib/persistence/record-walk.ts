import { hasMethod } from '../base/expect';
import type { EnumerableStore, KeysFound } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';

/** Finds the keys of all records of a store. */
export class RecordWalk {
  readonly #client: EnumerableStore;
  readonly #caller: ClientCaller;
  readonly #prefix: string;

  constructor(client: EnumerableStore, caller: ClientCaller, prefix: string) {
    this.#client = client;
    this.#caller = caller;
    this.#prefix = prefix;
  }

  /** Some of the keys, and the cursor from which to go on, if there are more. */
  async keys(cursor: string | undefined, budget: Budget): Promise<KeysFound> {
    const prefix = this.#prefix;
    const ask = () => (cursor === undefined ? this.#client.keys(prefix) : this.#client.keys(prefix, cursor));
    const found = await this.#caller.call('get', 'keys', budget, ask, prefix);
    // Clients may have a method of this name that does something else.
    if (Array.isArray(Object(found).keys)) return found;
    throw new TypeError(
      'Expected the method `keys` of `store` to return an object with a list `keys`, as an EnumerableStore does',
    );
  }
}

export function canEnumerate(client: object): client is EnumerableStore {
  return hasMethod(client, 'keys');
}
