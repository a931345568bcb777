import { SessionError } from '../base/errors';
import { newStamp } from '../base/stamps';
import type { TokenStore } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { parseRecord } from '../record/record';
import type { Accept, Commit, Draft, Edit, Loaded, Records, Successor, TtlOfRecord, Version } from './records';

/**
 * Browsers drop a cookie if its name and value together have more bytes; the `=` does not count (RFC 6265bis, section
 * 5.6).
 */
const LONGEST = 4096;

/**
 * Records that are kept in tokens: the visitor presents one in place of an id, and each version is a new token. The
 * server keeps nothing, so it knows neither what other requests do nor which sessions have ended.
 */
export class TokenRecords implements Records {
  readonly guarantee = 'last-write';
  readonly #client: TokenStore;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #name: string;

  /** @param name name of the cookie, to which tokens may be bound */
  constructor(client: TokenStore, caller: ClientCaller, ttlOf: TtlOfRecord, name: string) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
    this.#name = name;
  }

  async load(token: string, budget: Budget): Promise<Loaded> {
    const unpacked = await this.#caller.call(
      'get',
      'unpack',
      budget,
      () => this.#client.unpack(token, this.#name),
      token,
    );
    if (unpacked === null || unpacked === undefined) return { found: 'nothing' };
    const { sid, record, ttl } = unpacked;
    const data = parseRecord(record);
    if (data === undefined) return { found: 'invalid', value: record };
    return { found: 'session', sid, data, ttl, record, revision: undefined, token };
  }

  create(sid: string, draft: Draft, budget: Budget): Promise<Version> {
    return this.#pack(sid, draft.record, draft.ttl, budget);
  }

  /** No other request can have changed the version that this one came with. */
  write(sid: string, commit: Commit, _from: Version, budget: Budget): Promise<Version> {
    return this.#pack(sid, commit.record, commit.ttl, budget);
  }

  async edit(sid: string, edit: Edit, from: Version, budget: Budget): Promise<Version> {
    const record = await edit(from.record as string, newStamp());
    return this.#pack(sid, record, this.#ttlOf(record), budget);
  }

  touch(sid: string, ttl: number, from: () => Version, budget: Budget): Promise<Version> {
    return this.#pack(sid, from().record as string, ttl, budget);
  }

  async take(): Promise<'taken'> {
    return 'taken';
  }

  async rotate(_sid: string, _from: Version, successor: Successor): Promise<Version> {
    return successor.version;
  }

  async end(): Promise<boolean> {
    return true;
  }

  async endIf(_sid: string, from: Version, _budget: Budget, accept: Accept): Promise<boolean> {
    accept(from.record as string);
    return true;
  }

  hasEnded(): boolean {
    return false;
  }

  /** The server keeps nothing to destroy. The visitor loses the session with the cookie. */
  async destroy(): Promise<void> {}

  async set(): Promise<void> {
    throw notKept();
  }

  noted(): undefined {}

  release(): void {}

  async #pack(sid: string, record: string, ttl: number, budget: Budget): Promise<Version> {
    const pack = () => this.#client.pack({ sid, record, ttl }, this.#name);
    const token = await this.#caller.call('set', 'pack', budget, pack, sid, record);
    const size = Buffer.byteLength(`${this.#name}${token}`);
    if (size <= LONGEST) return { record, revision: undefined, token };
    throw new SessionError(
      'ERR_SESSION_SIZE',
      `Expected the session to fit into a cookie of ${LONGEST} bytes, but \`${this.#name}\` would take ${size} bytes: ` +
        'store less in the session, or keep sessions in a store on the server',
    );
  }
}

/** The error for access to a session by its id alone. */
export function notKept(): SessionError {
  return new SessionError(
    'ERR_SESSION_NOT_KEPT',
    'Sessions travel with their visitors, so the server cannot read, write or destroy one by its id',
  );
}
