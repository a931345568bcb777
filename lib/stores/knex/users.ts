import type { Knex } from 'knex';
import type { IndexMember } from '../../base/types';
import { affectedBy, rowsOf, valuesOf } from './answers';
import { isDuplicate } from './failure';
import { type Dialect, dialectOf } from './options';
import { PreparedTable } from './prepared-table';
import { MICROSECONDS, MILLISECONDS } from './server-clock';
import type { Batch } from './sweeper';
import { prepareTable } from './table';
import { addSql, among, COLUMNS, findSql, GREATEST } from './users-sql';
import { USERS, type UserRow, usersTableOf } from './users-table';

type Rows = Knex.QueryBuilder<UserRow>;
type Times = Pick<UserRow, 'expires' | 'enrolled'>;

/** What `enroll` looks up. */
interface Found {
  /** The database's time in microseconds since 1970. */
  now: number;
  mark: Times | undefined;
  predecessor: Times | undefined;
}

/** The `id` of an index's mark, which no member has. */
const MARK = '';
/** The time in a mark of an index that was never marked. */
const NEVER = 0;
/** Later than any mark. */
const ALWAYS = Number.MAX_SAFE_INTEGER;
/** How often to retry if a row appears or disappears between two statements. */
const ATTEMPTS = 10;
/** Rows that one statement removes. */
const REMOVED = 500;
/** The longest time in milliseconds that can be added to the time of day. */
const LONGEST = 2 ** 52;

/**
 * The members of the users' indexes, and for each index a mark: the time of the last `endedNow`.
 *
 * One statement adds a member if the mark allows it, and locks the mark's row until the member is stored. So a new mark
 * comes either first: then the statement waits for it and finds it. Or it comes afterwards: then a later reading finds
 * the member. This holds at every isolation level. MySQL and PostgreSQL read a row that they lock as it is then, or fail
 * with an error after which the statement is repeated, and SQLite has one writer at a time. Only a row that exists can be
 * locked, so an index without a mark gets one that says "never". There are no transactions, so no lock is held during a
 * round trip.
 */
export class UserRows {
  readonly #knex: Knex;
  readonly #table: string;
  readonly #dialect: Dialect;
  readonly #prepared: PreparedTable;

  /** @param sessions name of the sessions' table */
  constructor(knex: Knex, sessions: string, createTable: boolean) {
    this.#knex = knex;
    this.#table = usersTableOf(sessions);
    this.#dialect = dialectOf(knex);
    this.#prepared = new PreparedTable(() => prepareTable(knex, this.#table, createTable, USERS));
  }

  /**
   * Adds a member, or moves its end later. Returns how many milliseconds ago the index was marked; `false` if that is at
   * most `elapsed`.
   */
  async enroll(owner: string, id: string, ttl: number, elapsed: number, from?: string): Promise<number | false> {
    const began = performance.now() - elapsed;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const found = await this.#find(owner, from);
      const answered = performance.now();
      // Counted once the answer has come, however long the statement waited for a connection: the request may seem to
      // have begun earlier than it did, and never later.
      const earliest = found.now - (answered - began) * 1000;
      if (elapsed >= 0 && isAlive(found.mark, found) && found.mark.enrolled >= earliest) return false;
      if (!(await this.#add(owner, id, ttl, elapsed < 0 ? ALWAYS : earliest, found))) continue;
      const marked = isAlive(found.mark, found) ? found.mark.enrolled : NEVER;
      return marked === NEVER ? Number.POSITIVE_INFINITY : (found.now - marked) / 1000 + performance.now() - answered;
    }
    throw changing();
  }

  /** Up to `limit` members, ordered by end and id, from the first one after `after`. */
  async members(owner: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): Promise<IndexMember[]> {
    const ticks = this.#knex.raw(`${MICROSECONDS[this.#dialect]} as ticks`);
    const rows: object[] = await this.#ask((all) => {
      const now = MILLISECONDS[this.#dialect];
      const alive = all.where({ owner }).whereNot({ id: MARK }).whereRaw(`?? > ${now}`, ['expires']);
      if (after) {
        // The first condition tells MySQL where to begin.
        const { end, key } = after;
        alive.whereRaw('?? >= ? and (??, ??) > (?, ?)', ['expires', end, 'expires', 'id', end, key]);
      }
      return alive.select('id', 'expires', 'enrolled', ticks).orderBy(['expires', 'id']).limit(limit);
    });
    return rows.map(valuesOf).map(([id, expires, enrolled, now]) => ({
      key: String(id),
      end: Number(expires),
      enrolledAgo: Math.max(0, Number(now) - Number(enrolled)) / 1000,
    }));
  }

  /** Removes members: one with `end` only if it ends then. */
  async dismiss(owner: string, entries: readonly { key: string; end?: number | undefined }[]): Promise<void> {
    const undated = entries.filter(({ end }) => end === undefined);
    for (const some of chunksOf(undated)) await this.#remove(some.map(({ key }) => [owner, key]));
    const dated = entries.filter(({ end }) => Number.isSafeInteger(end));
    for (const some of chunksOf(dated)) {
      const ends = some.map(({ key, end }) => [key, Number(end)]);
      await this.#remove(
        some.map(({ key }) => [owner, key]),
        among(this.#dialect, ['id', 'expires'], ends),
      );
    }
  }

  /** Marks the index, and keeps the mark for `keepFor` milliseconds. */
  async endedNow(owner: string, keepFor: number): Promise<void> {
    const ticks = MICROSECONDS[this.#dialect];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const count = await this.#ask((rows) =>
        rows.where({ owner, id: MARK }).update({
          // Of two at once, the later one counts, whichever is stored first.
          enrolled: this.#later('enrolled', ticks),
          expires: this.#later('expires', this.#end(keepFor)),
        }),
      );
      if (count > 0 || (await this.#addMark(owner, keepFor, this.#knex.raw(ticks)))) return;
    }
    throw changing();
  }

  /** Removes up to `limit` rows that expired at `from` or later, as SessionRows does. */
  async removeExpired(from: number, limit: number): Promise<Batch> {
    const expired = [`?? <= ${MILLISECONDS[this.#dialect]}`, ['expires']] as const;
    const rows: object[] | undefined = await this.#prepared.askIfThere(() =>
      this.#rows()
        .select('owner', 'id', 'expires')
        .where('expires', '>=', from)
        .whereRaw(...expired)
        .orderBy('expires')
        .limit(Math.min(limit, REMOVED)),
    );
    const found = (rows ?? []).map(valuesOf);
    if (found.length === 0) return { removed: 0, isLast: true, from };
    const removed = await this.#remove(
      found.map(([owner, id]) => [owner as string, id as string]),
      [...expired],
    );
    const isLast = found.length < Math.min(limit, REMOVED) || removed < found.length;
    return { removed, isLast, from: Number(found.at(-1)?.[2]) };
  }

  async #find(owner: string, from: string | undefined): Promise<Found> {
    const answer: unknown = await this.#raw(findSql(this.#dialect), { index: owner, from: from ?? MARK });
    const rows = rowsOf(answer).map(valuesOf);
    const times = (wanted: string | undefined): Times | undefined => {
      const [, , expires, enrolled] = rows.find(([, found]) => found !== null && String(found) === wanted) ?? [];
      return expires === undefined ? undefined : { expires: Number(expires), enrolled: Number(enrolled) };
    };
    return { now: Number(rows[0]?.[0]), mark: times(MARK), predecessor: times(from) };
  }

  /** Adds a member, or moves its end later, if the index was not marked at `earliest` or later. */
  async #add(owner: string, id: string, ttl: number, earliest: number, found: Found): Promise<boolean> {
    if (found.mark === undefined) await this.#addMark(owner, ttl, NEVER);
    const since = isAlive(found.predecessor, found) ? found.predecessor.enrolled : null;
    const values = { index: owner, key: id, ttl: lasting(ttl), since, earliest: Math.max(1, Math.floor(earliest)) };
    const answer: unknown = await this.#raw(addSql(this.#dialect), values);
    return this.#dialect === 'mysql' ? affectedBy(answer) > 0 : rowsOf(answer).length > 0;
  }

  /** Adds a mark if there is none; returns whether it did. */
  async #addMark(owner: string, ttl: number, enrolled: number | Knex.Raw): Promise<boolean> {
    try {
      await this.#ask((rows) => rows.insert({ owner, id: MARK, expires: this.#knex.raw(this.#end(ttl)), enrolled }));
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async #remove(
    keys: readonly (readonly string[])[],
    [condition, bindings]: readonly [string, readonly Knex.Value[]] = ['1 = 1', []],
  ): Promise<number> {
    const [isOne, those] = among(this.#dialect, ['owner', 'id'], keys);
    const [sql, values] = [`${isOne} and ${condition}`, [...those, ...bindings]];
    if (this.#dialect !== 'mysql') return this.#ask((rows) => rows.whereRaw(sql, values).delete());
    // By primary key only: if MySQL scans the table or another index, it locks rows that stay.
    const table = [this.#table, this.#table];
    const remove = () => this.#knex.raw(`delete ?? from ?? force index (primary) where ${sql}`, [...table, ...values]);
    return affectedBy(await this.#prepared.ask(remove));
  }

  #later(column: string, time: string): Knex.Raw {
    return this.#knex.raw(`${GREATEST[this.#dialect]}(??, ${time})`, [column]);
  }

  /** The time in so many milliseconds. */
  #end(ttl: number): string {
    return `${MILLISECONDS[this.#dialect]} + ${lasting(ttl)}`;
  }

  #raw(sql: string, values: Record<string, Knex.Value>): Promise<unknown> {
    return this.#prepared.ask(() => this.#knex.raw(sql, { ...COLUMNS, table: this.#table, ...values }));
  }

  #ask<T>(statement: (rows: Rows) => PromiseLike<T>): Promise<T> {
    return this.#prepared.ask(() => statement(this.#rows()));
  }

  #rows(): Rows {
    return this.#knex<UserRow>(this.#table);
  }
}

function isAlive(times: Times | undefined, { now }: Found): times is Times {
  return times !== undefined && times.expires * 1000 > now;
}

/** At least so many whole milliseconds, from a time that was rounded down. */
function lasting(ms: number): number {
  return Math.min(Math.ceil(ms) + 1, LONGEST);
}

function chunksOf<T>(entries: readonly T[]): T[][] {
  const count = Math.ceil(entries.length / REMOVED);
  return Array.from({ length: count }, (_, n) => entries.slice(n * REMOVED, (n + 1) * REMOVED));
}

function changing(): Error {
  return new Error('The index of a user changed too often to be written');
}
