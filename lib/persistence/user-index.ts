import { hash } from 'node:crypto';
import { hasMethod } from '../base/expect';
import { NO_RECORD } from '../base/record-keys';
import { remembering } from '../base/remembering';
import type { IndexingStore, IndexMember } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import type { CompareAndSetRecords } from './compare-and-set-records';
import { canEnd } from './record-ends';

/** Number of members that one call returns. */
const PAGE = 1000;
/** Number of entries that one call dismisses. */
const DISMISSED = 1000;
/** How long "all sessions have ended" is remembered, in milliseconds. No request takes longer to log in. */
const ENDED_FOR = 60 * 60 * 1000;
/** No record has the key of an index. */
const SEPARATOR = `${NO_RECORD}user:`;

const ABILITIES = ['enroll', 'members', 'dismiss', 'endedNow'] as const;

/** The indexes of a store: each lists the keys of one user's records. */
export class UserIndex {
  readonly records: CompareAndSetRecords;
  readonly #client: IndexingStore;
  readonly #caller: ClientCaller;
  readonly #prefix: string;

  /** Whether the store carries out calls in the order in which they were made. */
  get isOrdered(): boolean {
    return (this.#client as { ordersCalls?: boolean }).ordersCalls === true;
  }

  /** @param records the records that the indexes list */
  constructor(client: IndexingStore, records: CompareAndSetRecords, caller: ClientCaller, prefix: string) {
    this.records = records;
    this.#client = client;
    this.#caller = caller;
    this.#prefix = prefix + SEPARATOR;
  }

  /**
   * Lists a record for at least `ttl` milliseconds. Returns how long ago all sessions of the user were ended. `false`: all sessions of the user were ended less than `elapsed` milliseconds ago,
   * and the record is not listed.
   *
   * @param from the key whose place this one takes
   */
  async enroll(
    index: string,
    key: string,
    ttl: number,
    elapsed: number,
    budget: Budget,
    from?: string,
  ): Promise<number | false> {
    const enroll = () => this.#client.enroll(this.#prefix + index, key, ttl, elapsed, from);
    return this.#caller.call('set', 'enroll', budget, enroll, key);
  }

  /**
   * The listed records, in pages. A record that stays listed during the walk is returned, and one that is extended may
   * be returned twice.
   */
  async *members(index: string, newBudget: () => Budget): AsyncGenerator<IndexMember[], void, undefined> {
    const name = this.#prefix + index;
    let after: IndexMember | undefined;
    for (;;) {
      const last = after;
      const page = await this.#caller.call(
        'get',
        'members',
        newBudget(),
        () => this.#client.members(name, PAGE, last),
        name,
      );
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
      after = page.at(-1);
    }
  }

  /** Removes entries; one with `end` only if it still ends then. */
  async dismiss(index: string, entries: readonly { key: string; end?: number }[], budget: Budget): Promise<void> {
    const name = this.#prefix + index;
    for (let start = 0; start < entries.length; start += DISMISSED) {
      const some = entries.slice(start, start + DISMISSED);
      await this.#caller.call<unknown>('destroy', 'dismiss', budget, () => this.#client.dismiss(name, some), name);
    }
  }

  /** Removes the entry of a record. One that stays does no harm, so a failure is ignored. */
  async forget(index: string, key: string, budget: Budget): Promise<void> {
    await this.dismiss(index, [{ key }], budget).catch(() => undefined);
  }

  /** Remembers that the sessions of all requests that began before now have ended. */
  async endedNow(index: string, budget: Budget): Promise<void> {
    const name = this.#prefix + index;
    await this.#caller.call<unknown>('destroy', 'endedNow', budget, () => this.#client.endedNow(name, ENDED_FOR), name);
  }
}

/** 132 bits: two users never share an index. */
const LENGTH = 22;
/** Number of names that are remembered: every write of a session asks for its user's, and hashing it costs 1 % of a write. */
const REMEMBERED = 10_000;

/** The name of a user's index: a hash, so that the store's keys do not reveal the user. */
export const indexOf = remembering((user) => hash('sha256', user, 'base64url').slice(0, LENGTH), REMEMBERED);

/** Whether a client keeps indexes. What they list can be ended exactly only if it can mark a record. */
export function canIndex(client: object): client is IndexingStore {
  return canEnd(client) && ABILITIES.every((ability) => hasMethod(client, ability));
}
