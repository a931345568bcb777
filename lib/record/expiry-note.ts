import { hasMethod } from '../base/expect';
import { isSessionData, type SessionData } from './record';

/**
 * Whether records may outlive their time in the client's hands, so that their end has to be noted in them. A client that can
 * `touch` keeps the time itself; Redis, whose clients have a `status`, does so by a clock that all processes share; and one with
 * `notesEnd` notes it in words of its own.
 */
export function mayOutlive(client: object): boolean {
  const { status, notesEnd } = client as { status?: unknown; notesEnd?: unknown };
  return !hasMethod(client, 'touch') && typeof status !== 'string' && notesEnd !== true;
}

/**
 * The session with the moment noted in its cookie at which it ends. koa-generic-session takes along what it does not know, but
 * deletes `maxage` with each write: where that is gone, the note is not about the record any more.
 */
export function withEnd(session: SessionData, ttl: number): SessionData {
  const { cookie } = session;
  return isSessionData(cookie) ? { ...session, cookie: { ...cookie, ends: Date.now() + ttl, maxage: null } } : session;
}

/** What a client has answered, without the note: where the session has ended, its cookie has expired. */
export function withoutEnd(answer: unknown): unknown {
  return read(answer, (session, ended) => {
    return ended === undefined ? session : { ...session, cookie: { ...session.cookie, expires: ended } };
  });
}

/** The same, and `undefined` where the session has ended. */
export function untilEnd(answer: unknown): unknown {
  return read(answer, (session, ended) => (ended === undefined ? session : undefined));
}

/** The client's object stays as it is. */
function read(answer: unknown, judge: (session: { cookie: SessionData }, ended: Date | undefined) => unknown): unknown {
  if (!isSessionData(answer) || !isSessionData(answer['cookie']) || !('ends' in answer['cookie'])) return answer;
  const { ends, maxage, ...cookie } = answer['cookie'];
  const hasEnded = maxage === null && typeof ends === 'number' && ends <= Date.now();
  return judge({ ...answer, cookie }, hasEnded ? new Date(ends) : undefined);
}
