import type { MaxAge, SessionRecord } from './types';

/** Default lifetime of a record, in milliseconds. */
const ONE_DAY = 24 * 60 * 60 * 1000;

/** The lifetime as a record notes it, without its end. */
export function lifetimeOf(maxAge: MaxAge | undefined): Pick<SessionRecord, '_maxAge' | '_session'> {
  return maxAge === 'session' ? { _session: true } : { _maxAge: maxAge || ONE_DAY };
}

/** Lifetime of a record in milliseconds, whatever its cookie's. */
export function ttlOf({ _maxAge, _session }: SessionRecord): number {
  return _session === true ? ONE_DAY : (_maxAge ?? ONE_DAY);
}

/** The record to write: its lifetime starts now. */
export function dated(record: SessionRecord): SessionRecord {
  const { _expire, _maxAge, _session, ...data } = record;
  if (_session === true) return { ...data, _session };
  const maxAge = _maxAge ?? ONE_DAY;
  return { ...data, _expire: Date.now() + maxAge, _maxAge: maxAge };
}

export function hasExpired({ _expire }: SessionRecord): boolean {
  return typeof _expire === 'number' && _expire < Date.now();
}

/** Whether less than half of the session's lifetime is left. */
export function isDue({ _expire, maxAge }: { _expire?: number | undefined; maxAge: MaxAge | undefined }): boolean {
  return Boolean(_expire && typeof maxAge === 'number' && _expire - Date.now() < maxAge / 2);
}
