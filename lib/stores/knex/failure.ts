import { setTimeout as pause } from 'node:timers/promises';

/** Properties of drivers' errors. */
interface DriverError {
  message?: unknown;
  code?: unknown;
  errno?: unknown;
}

/** Codes of conflicts with another statement: the same statement would succeed if repeated. */
const TRANSIENT: readonly unknown[] = [
  'ER_LOCK_DEADLOCK',
  'ER_CHECKREAD',
  // PostgreSQL: serialization_failure and deadlock_detected.
  '40001',
  '40P01',
];
const DUPLICATE: readonly unknown[] = ['ER_DUP_ENTRY', '23505'];
const TABLE_MISSING: readonly unknown[] = ['ER_NO_SUCH_TABLE', '42P01'];
const COLUMN_MISSING: readonly unknown[] = ['ER_BAD_FIELD_ERROR', '42703'];

/** How long a statement is retried, in milliseconds. */
const PATIENCE = 5000;
const LONGEST_PAUSE = 50;
const DASH = ' - ';

/** Repeats a statement until it no longer conflicts with another one. */
export async function again<T>(ask: () => PromiseLike<T>): Promise<T> {
  const end = performance.now() + PATIENCE;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error) || performance.now() > end) throw error;
    }
    await pause(Math.random() * Math.min(5 * attempt, LONGEST_PAUSE));
  }
}

/**
 * The error without the statement and its values, which Knex and the drivers add: a session's id and data do not belong
 * in a log.
 */
export function withoutData(error: unknown): Error {
  const { code, errno } = driverError(error);
  return Object.assign(new Error(ownMessage(error) || String(code ?? 'the database failed')), {
    ...(code === undefined ? {} : { code }),
    ...(errno === undefined ? {} : { errno }),
  });
}

/** Whether a row with this id already exists. */
export function isDuplicate(error: unknown): boolean {
  return DUPLICATE.includes(driverError(error).code) || ownMessage(error).includes('UNIQUE constraint failed');
}

export function isTableMissing(error: unknown): boolean {
  return TABLE_MISSING.includes(driverError(error).code) || ownMessage(error).includes('no such table');
}

export function isColumnMissing(error: unknown): boolean {
  return COLUMN_MISSING.includes(driverError(error).code) || ownMessage(error).includes('no such column');
}

export function isTransient(error: unknown): boolean {
  const { code } = driverError(error);
  return TRANSIENT.includes(code) || /^SQLITE_(?:BUSY|LOCKED)/.test(String(code));
}

/** Knex puts the statement before the message, separated by a dash. */
function ownMessage(error: unknown): string {
  const message = String(driverError(error).message ?? '');
  const dash = message.lastIndexOf(DASH);
  return dash < 0 ? message : message.slice(dash + DASH.length);
}

function driverError(error: unknown): DriverError {
  return typeof error === 'object' && error !== null ? error : { message: error };
}
