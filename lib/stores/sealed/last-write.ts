import type { Session, SessionStore } from '../../base/types';
import { settle } from '../../client/answers';
import { isSessionData, parseRecord, type SessionData } from '../../record/record';
import { textOf } from './compare-and-set';
import { isToken, type Seals } from './seals';

/** From these, some clients tell how long to keep a session. */
const LIFETIME = ['maxAge', 'originalMaxAge', 'expires'] as const;

/** The methods of a client that takes objects: it stores one with the sealed text and the lifetime of the cookie. */
export function sealedSessions(client: SessionStore, seals: Seals): Pick<SessionStore, 'get' | 'set'> {
  return {
    get: async (key) => {
      const found: unknown = await settle(client.get(key) as unknown);
      if (found === null || found === undefined) return found;
      if (!isSessionData(found) || !isToken(found['sealed'])) return seals.readsPlain ? found : seals.notSealed;
      const text = seals.ofToken(key, found['sealed']);
      return parseRecord(text) ?? text;
    },
    set: (key, session, ttl) =>
      client.set(key, seals.writesPlain ? session : wrapped(seals.token(key, textOf(session)), session), ttl),
  };
}

function wrapped(sealed: string, { cookie }: Session): Session {
  const shown: SessionData = isSessionData(cookie) ? { sealed, cookie: lifetimeIn(cookie) } : { sealed };
  return shown as Session;
}

function lifetimeIn(cookie: SessionData): SessionData {
  const given = LIFETIME.filter((name) => cookie[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, cookie[name]]));
}
