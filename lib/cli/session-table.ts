import type { StoredSession } from '../middleware/engine';
import { type Column, row, thousands } from './table';

/** The columns of a list of sessions: 80 characters, and the user. */
export const SESSION_COLUMNS: readonly Column[] = [
  { title: 'handle', width: 43 },
  { title: 'began', width: 6, align: 'right' },
  { title: 'used', width: 6, align: 'right' },
  { title: 'left', width: 6, align: 'right' },
  { title: 'bytes', width: 7, align: 'right' },
  { title: 'user', width: 0 },
];

type Shown = Pick<StoredSession, 'handle' | 'createdAt' | 'lastSeenAt' | 'expiresAt'> & Partial<StoredSession>;

/** A session as a line of the table: how long ago it began and was used, and how long it has left. */
export function sessionRow({ handle, createdAt, lastSeenAt, expiresAt, bytes, user }: Shown): string {
  const now = Date.now();
  const since = (time: Date | undefined) => (time === undefined ? '' : duration(now - time.getTime()));
  return row(SESSION_COLUMNS, [
    handle,
    since(createdAt),
    since(lastSeenAt),
    expiresAt === undefined ? '' : duration(expiresAt.getTime() - now),
    bytes === undefined ? '' : thousands(bytes),
    user ?? '',
  ]);
}

const UNITS = [
  [24 * 60 * 60 * 1000, 'd'],
  [60 * 60 * 1000, 'h'],
  [60 * 1000, 'min'],
  [1000, 's'],
] as const;

/** The largest unit of a duration: `3 d`. */
export function duration(ms: number): string {
  const [size, unit] = UNITS.find(([one]) => ms >= one) ?? [1000, 's'];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
