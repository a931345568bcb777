import type Koa = require('koa');

import { type IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from '../base/errors';
import { expected } from '../base/expect';
import type { Application, Session } from '../base/types';
import { matchesPath, type SessionCookie } from '../cookies/session-cookie';
import { successorOf } from '../record/marker';
import { type SessionData, stringify } from '../record/record';
import { type Found, findRecord, type Search } from './find-record';
import { mayFollow } from './renewing';
import type { SessionSettings } from './settings';

/**
 * Reads the session of a request without a response: what the middleware would find, or `null` if it would create a new
 * one. Writes and sends nothing. A session that `valid` refuses is ended by the next request through the middleware.
 */
export function readSession(
  req: IncomingMessage,
  app: Application | undefined,
  options: SessionSettings,
): Promise<Readonly<Session> | null> {
  return read(req, app, options, show);
}

/** Where the session is that `readSession` returns: the key of its record, and its handle. */
export interface SessionPlace {
  key: string;
  handle: string;
}

/** Finds the session of a request without returning it; `null` if `readSession` returns `null`. */
export function locateSession(
  req: IncomingMessage,
  app: Application | undefined,
  options: SessionSettings,
): Promise<SessionPlace | null> {
  return read(req, app, options, locate);
}

/** A search that only reads. */
interface Reading extends Search {
  /** The key under which a session was found: until it moves, that of the other kind of ids. */
  keyOf(sid: string): string;
}

type Judge<T> = (search: Reading, found: Found) => Promise<T | null> | null;

async function read<T>(
  req: IncomingMessage,
  app: Application | undefined,
  options: SessionSettings,
  judge: Judge<T>,
): Promise<T | null> {
  expectRequest(req);
  // The response is for hooks that read the context. It has no connection.
  const ctx = known(app).createContext(req, new ServerResponse(req)) as Koa.Context;
  if (!matchesPath(ctx.originalUrl, options.cookieOf(ctx).path)) return null;
  const sid = await options.idStore.get.call(ctx);
  if (!sid) return null;
  return findRecord(searchFor(ctx, options), String(sid), undefined, (search, found) => follow(search, found, judge));
}

/** A session whose id was renewed a moment ago is found under the new one. */
function follow<T>(search: Reading, found: Found, judge: Judge<T>): Promise<T | null> | null {
  if (found.found === 'failed') throw found.error;
  if (found.found !== 'moved' || !mayFollow(search.options, found.marker)) return judge(search, found);
  const successor = successorOf(found.marker, found.sid);
  if (successor === undefined) return null;
  return findRecord(search, successor, null, (next, last) => follow(next, last, judge));
}

function show(search: Search, found: Found): Promise<Readonly<Session> | null> | null {
  return found.found === 'session' ? readRecord(search, found.stored.data, found.cookie as SessionCookie) : null;
}

async function locate(search: Reading, found: Found): Promise<SessionPlace | null> {
  if (found.found !== 'session' || (await show(search, found)) === null) return null;
  const { store } = search.options;
  const handle = found.cookie?.notes?.handle ?? store.names.handleOf(store.keyOf(found.sid));
  return { key: search.keyOf(found.sid), handle };
}

/** Searches as the middleware does, but only reads. */
function searchFor(ctx: Koa.Context, options: SessionSettings): Reading {
  const { names, otherNames, records } = options.store;
  const budget = options.store.newBudget();
  const elsewhere = new Map<string, string>();
  return {
    ctx,
    options,
    keyOf: (sid) => elsewhere.get(sid) ?? names.keyOf(sid),
    async load(sid) {
      const loading = records.load(names.keyOf(sid), budget, false);
      if (otherNames === undefined) return loading;
      const { key, loaded } = await otherNames.find(sid, loading, budget);
      elsewhere.set(sid, key);
      return loaded;
    },
    enter(version) {
      const noted = records.noted(version);
      if (noted !== undefined) records.release(noted);
    },
    hook: async (run) => run(),
    emit() {},
    announce() {},
  };
}

async function readRecord(
  { ctx, options: { valid } }: Search,
  data: SessionData,
  cookie: SessionCookie,
): Promise<Readonly<Session> | null> {
  // A copy: the client may keep the object, and the hook may change it. By JSON, like a record, since it may contain
  // functions.
  const session: Session = { ...(JSON.parse(stringify(() => data)) as SessionData), cookie };
  if (valid !== undefined && !(await valid(ctx, session))) return null;
  const { cookie: _cookie, ...shown } = session;
  return Object.freeze({ ...frozen(shown), cookie: frozenCookie(cookie) });
}

/** Frozen, since it is not saved. A copy, since `valid` may have added objects that are used elsewhere. */
function frozen(data: SessionData): SessionData {
  return JSON.parse(
    stringify(() => data),
    (_key, value: unknown) => Object.freeze(value),
  ) as SessionData;
}

function frozenCookie(cookie: SessionCookie): Session['cookie'] {
  const attributes = cookie.attributes();
  const { expires } = attributes;
  // JSON turns a date into a string, but handlers expect a Date.
  const date = expires instanceof Date ? { expires: new Date(expires) } : undefined;
  return Object.freeze({ ...frozen({ ...attributes }), ...date });
}

/** @throws SessionError `ERR_SESSION_APP` if the application is not known yet. */
function known(app: Application | undefined): Application {
  if (app !== undefined) return app;
  throw new SessionError(
    'ERR_SESSION_APP',
    'sessions.read() needs the application, for the keys of its cookies, and no request has come through the middleware yet. ' +
      'Set the option `app`: `session({ app })`.',
  );
}

/** @throws TypeError if it is not a Node request. */
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
