import { withTimeout } from '../../base/deadline';
import { again, isTableMissing, withoutData } from './failure';

/** Milliseconds for the check of the table. If its connection hangs, the next call uses another one. */
const PREPARED_WITHIN = 10_000;

/**
 * A table that is checked, or created, before its first statement. Statements are repeated as long as they conflict with
 * others, and fail with the driver's error, without the statement.
 */
export class PreparedTable {
  readonly #prepare: () => Promise<void>;
  #prepared: Promise<void> | undefined;
  #isMissing = false;

  constructor(prepare: () => Promise<void>) {
    this.#prepare = prepare;
  }

  async ask<T>(statement: () => PromiseLike<T>): Promise<T> {
    try {
      await this.#whenPrepared();
      return await again(statement);
    } catch (error) {
      // The table was dropped: the next call creates it again.
      if (isTableMissing(error)) this.#prepared = undefined;
      throw withoutData(error);
    }
  }

  /** `undefined` if there is no table. Then asks again only once `ask` has found one: PostgreSQL logs such errors. */
  async askIfThere<T>(statement: () => PromiseLike<T>): Promise<T | undefined> {
    if (this.#isMissing) return undefined;
    try {
      return await again(statement);
    } catch (error) {
      if (!isTableMissing(error)) throw withoutData(error);
      this.#isMissing = true;
      return undefined;
    }
  }

  #whenPrepared(): Promise<void> {
    this.#prepared ??= withTimeout(
      this.#prepare(),
      PREPARED_WITHIN,
      () => new Error(`The database did not answer within ${PREPARED_WITHIN} ms`),
    ).then(
      () => {
        this.#isMissing = false;
      },
      (error: unknown) => {
        this.#prepared = undefined;
        throw error;
      },
    );
    return this.#prepared;
  }
}
