import { hasMethod } from '../base/expect';
import { isSessionData, type SessionData } from './record';

/**
 * Whether a client may return records past their lifetime, so that their end must be noted in them. Not for a client
 * that can `touch`, which keeps the time itself; nor for Redis, whose clients have a `status` and whose server keeps
 * the time for all processes; nor for a client with `notesEnd`, which notes the end in its own format.
 */
export function mayOutlive(client: object): boolean {
  const { status, notesEnd } = client as { status?: unknown; notesEnd?: unknown };
  return !hasMethod(client, 'touch') && typeof status !== 'string' && notesEnd !== true;
}

/**
 * Returns the session with its end noted in its cookie. koa-generic-session keeps unknown attributes but deletes
 * `maxage` on every write; without `maxage`, the note no longer applies to the record.
 */
export function withEnd(session: SessionData, ttl: number): SessionData {
  const { cookie } = session;
  return isSessionData(cookie) ? { ...session, cookie: { ...cookie, ends: Date.now() + ttl, maxage: null } } : session;
}

/** Returns a client's answer without the note. If the session has ended, its cookie is marked as expired. */
export function withoutEnd(answer: unknown): unknown {
  return read(answer, (session, ended) => {
    return ended === undefined ? session : { ...session, cookie: { ...session.cookie, expires: ended } };
  });
}

/** Does the same, but returns `undefined` if the session has ended. */
export function untilEnd(answer: unknown): unknown {
  return read(answer, (session, ended) => (ended === undefined ? session : undefined));
}

/** Does not change the client's object. */
function read(answer: unknown, judge: (session: { cookie: SessionData }, ended: Date | undefined) => unknown): unknown {
  if (!isSessionData(answer) || !isSessionData(answer['cookie']) || !('ends' in answer['cookie'])) return answer;
  const { ends, maxage, ...cookie } = answer['cookie'];
  const hasEnded = maxage === null && typeof ends === 'number' && ends <= Date.now();
  return judge({ ...answer, cookie }, hasEnded ? new Date(ends) : undefined);
}
