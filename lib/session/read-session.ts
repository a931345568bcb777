import type Koa = require('koa');

import { type IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from '../base/errors';
import { expected } from '../base/expect';
import { hasExpired } from '../base/ttl';
import type { Application, Session } from '../base/types';
import { matchesPath, SessionCookie } from '../cookies/session-cookie';
import type { Loaded } from '../persistence/records';
import { type Marker, type SessionData, stringify } from '../record/record';
import { isSessionId } from './id';
import { mayFollow } from './renewing';
import { RequestIds } from './request-ids';
import type { SessionSettings } from './settings';

/**
 * The session of a request without a response: what the middleware would find, and `null` where it would make a new one. Nothing
 * is written or sent; what `valid` refuses ends with the next request that the middleware has.
 */
export async function readSession(
  req: IncomingMessage,
  app: Application | undefined,
  options: SessionSettings,
): Promise<Readonly<Session> | null> {
  expectRequest(req);
  // The response is there for what hooks may read of a context; it has no connection.
  const ctx = known(app).createContext(req, new ServerResponse(req)) as Koa.Context;
  if (!matchesPath(ctx.originalUrl, options.cookieOf(ctx).path)) return null;
  const sid = await options.idStore.get.call(ctx);
  if (!sid) return null;
  const found = await findRecord(ctx, sid, options);
  return found === undefined ? null : readRecord(ctx, found, options);
}

interface Found {
  data: SessionData;
  cookie: SessionCookie;
}

/** The record that the middleware would find, in the same order. */
async function findRecord(ctx: Koa.Context, first: string, options: SessionSettings): Promise<Found | undefined> {
  const { idStore, store } = options;
  const budget = store.newBudget();
  let others: RequestIds | undefined;
  for (let sid: string | undefined = first; sid !== undefined; ) {
    const loaded: Loaded = isSessionId(sid)
      ? await store.records.load(store.keyOf(sid), budget, false)
      : { found: 'nothing' };
    const found = loaded.found === 'session' ? foundIn(ctx, loaded, options) : undefined;
    if (found !== undefined) return found;
    others ??= new RequestIds(sid, idStore.allIds.call(ctx));
    sid = loaded.found === 'regenerated' ? successorOf(loaded.marker, others, options) : others.next();
  }
  return undefined;
}

function successorOf(marker: Marker | undefined, others: RequestIds, options: SessionSettings): string | undefined {
  return others.successor(marker) ?? (mayFollow(options, marker) ? marker.successor : undefined);
}

function foundIn(
  ctx: Koa.Context,
  loaded: Loaded & { found: 'session' },
  { cookieOf, store }: SessionSettings,
): Found | undefined {
  const noted = store.records.noted?.(loaded);
  if (noted !== undefined) store.records.release?.(noted);
  const cookie = SessionCookie.fromRecord(cookieOf(ctx), loaded.data['cookie']);
  const isOver = hasExpired(cookie) || (store.usesTokens && Number(loaded.ttl) <= 0);
  const isTooOld = store.hasAbsoluteTimeout && store.timeLeftOf({ ...loaded.data, cookie }) <= 0;
  return isOver || isTooOld ? undefined : { data: loaded.data, cookie };
}

async function readRecord(
  ctx: Koa.Context,
  { data, cookie }: Found,
  { valid }: SessionSettings,
): Promise<Readonly<Session> | null> {
  // A client may hand out the very object that it keeps, and the hook may change what it is given. By JSON, as a record is: there
  // may be functions in it.
  const session: Session = { ...(JSON.parse(stringify(() => data)) as SessionData), cookie };
  if (valid !== undefined && !(await valid(ctx, session))) return null;
  const { cookie: _cookie, ...shown } = session;
  return Object.freeze({ ...frozen(shown), cookie: frozenCookie(cookie) });
}

/** Frozen, so that nobody takes it for a session that is saved: a copy, since what `valid` has put there may be in use elsewhere. */
function frozen(data: SessionData): SessionData {
  return JSON.parse(
    stringify(() => data),
    (_key, value: unknown) => Object.freeze(value),
  ) as SessionData;
}

function frozenCookie(cookie: SessionCookie): Session['cookie'] {
  const attributes = cookie.attributes();
  const { expires } = attributes;
  // JSON makes a string of a date, and handlers know it as a Date.
  const date = expires instanceof Date ? { expires: new Date(expires) } : undefined;
  return Object.freeze({ ...frozen({ ...attributes }), ...date });
}

/** @throws SessionError `ERR_SESSION_APP` */
function known(app: Application | undefined): Application {
  if (app !== undefined) return app;
  throw new SessionError(
    'ERR_SESSION_APP',
    'sessions.read() needs the application, for the keys of its cookies, and no request has come through the middleware yet. ' +
      'Set the option `app`: `session({ app })`.',
  );
}

/** @throws TypeError */
function expectRequest(req: unknown): void {
  const { headers, url, socket, req: inner } = Object(req) as Partial<Record<string, unknown>>;
  const looksLikeOne = typeof headers === 'object' && typeof url === 'string' && headers !== null;
  // Koa asks the socket whether the connection is encrypted.
  if (looksLikeOne && inner === undefined && typeof socket === 'object' && socket !== null) return;
  const problem = expected('req', 'a request of Node (http.IncomingMessage)', req);
  if (looksLikeOne) {
    problem.message +=
      inner === undefined ? ': a Fetch `Request` is not supported' : ' of Koa: pass `ctx.req`, or use `ctx.session`';
  }
  throw problem;
}
