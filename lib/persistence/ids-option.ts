import { expectDate, expected, isGiven } from '../base/expect';
import type { SessionIds } from '../base/types';

/** The option `ids`, completed. */
export interface IdsOption {
  areHashed: boolean;
  /** Until when sessions are looked for under the other kind of key too, in milliseconds since 1970. */
  readOtherUntil: number | undefined;
}

const DATES = { readPlainUntil: true, readHashedUntil: false } as const;

/** @throws TypeError */
export function resolveIds(ids: SessionIds): IdsOption {
  if (ids === 'plain' || ids === 'hashed') return { areHashed: ids === 'hashed', readOtherUntil: undefined };
  const { hashed, ...dates } = Object(ids) as Record<string, unknown>;
  const given = Object.entries(dates).filter(([, date]) => isGiven(date));
  const [[name, date] = [undefined, undefined]] = given;
  if (typeof hashed !== 'boolean' || given.length !== 1 || DATES[name as keyof typeof DATES] !== hashed) {
    throw expected(
      'ids',
      "'plain', 'hashed', `{ hashed: true, readPlainUntil: date }` or `{ hashed: false, readHashedUntil: date }`",
      ids,
    );
  }
  expectDate(`ids.${name}`, date);
  return { areHashed: hashed, readOtherUntil: date.getTime() };
}
