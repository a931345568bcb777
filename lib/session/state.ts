import type Koa = require('koa');

import { AsyncLocalStorage } from 'node:async_hooks';
import { sessionLine } from '../base/debug-lines';
import { SessionError, StoreError, StoreUnavailableError } from '../base/errors';
import { tellOfSession } from '../base/session-channel';
import type { CookieOptions, EndReason, ErrorType, Session } from '../base/types';
import type { Budget } from '../client/budget';
import { carryHeaders, withdrawHeaders } from '../cookies/error-headers';
import type { Headers } from '../cookies/id-store';
import { isSamePlace } from '../cookies/session-cookie';
import type { CacheRule } from '../cookies/shared-caches';
import type { OtherNames } from '../persistence/other-names';
import type { Loaded, Unread, Version } from '../persistence/records';
import { CodedSession } from './coded-session';
import { HeldSession, type SessionDraft } from './held-session';
import { checkSessionId, defaultGenSid } from './id';
import { finishMove, moveSession } from './moving';
import { readLater } from './pipelined';
import type { SessionSettings } from './settings';

const SID_LENGTH = 24;

/**
 * Where the session of a request comes from. `detached`: the record is out of reach, or another request has ended the
 * session, so nothing is stored and no cookie is sent.
 */
export type Origin = 'unknown' | 'new' | 'stored' | 'detached';

/**
 * What happens to the visitor's cookie before the response ends: `renew` sends it again with its full lifetime after
 * the handlers, `clear` takes back an id that is no longer valid.
 */
type CookieDue = 'nothing' | 'renew' | 'clear';

/**
 * How far the request is. `commit`: its handlers have finished, so cookies are sent at once. `over`: nobody waits for
 * it.
 */
type Phase = 'handlers' | 'commit' | 'over';

/**
 * What this request has given the session. `time`: record and cookie have their full lifetime. `all`: it has created
 * the session.
 */
export type Given = 'nothing' | 'time' | 'all';

/** A session that this request had, and may have lost. */
export interface Former {
  id: string;
  /** The version of the record that this request has read, if any. */
  version: Version | undefined;
  /** The index that lists it, if any. */
  index?: string | undefined;
  /** The handle that the session noted, if it had got another id before. */
  handle?: string | undefined;
}

/** The session that this request regenerates. Its record stays in use until the new one is stored. */
export interface Predecessor extends Former {
  keepsData: boolean;
  /** Whether the session only gets a new id because the old one is too old. */
  isRenewal?: boolean;
}

/** The session whose hook is running. A hook that waited for its own session would never finish. */
const hooks = new AsyncLocalStorage<SessionState>();

/** The state of one request's session, on which loading, saving and ending work. */
export class SessionState {
  readonly ctx: Koa.Context;
  readonly options: SessionSettings;
  readonly held: HeldSession;
  origin: Origin = 'unknown';
  /** The id that the request carries, from an earlier middleware or from the id store. */
  presented: string | undefined;
  /** The session's id. A new session gets one on first use. */
  id: string | undefined;
  /** The record of the stored session, until it is parsed. */
  unread: Unread | undefined;
  /** The token that the visitor has in place of the id, if the session is kept in one. */
  token: string | undefined;
  /** When the request began, on the clock of `performance.now()`. */
  began: number;
  /** The index of the user whose sessions this request has ended, and when. */
  exempt: { index: string; at: number } | undefined;
  phase: Phase = 'handlers';
  given: Given = 'nothing';
  cookieDue: CookieDue = 'nothing';
  /** `ctx.sessionSave`: `true` forces a save, `false` forbids it. */
  saving: boolean | null = null;
  /** Whether the response depends on the visitor's cookie: a handler has read the session, or the cookie is set. */
  varies = false;
  /** The session that this request regenerates, until that is done. */
  predecessor: Predecessor | undefined;
  /** The session that another request has ended. */
  lost: Former | undefined;
  /** Why the login that the request tried to save was refused. */
  refusal: SessionError | undefined;
  /** Cookies of a session that has ended or moved. Each is cleared in its place, except where the new one goes. */
  left: readonly CookieOptions[] | undefined;
  #budget: Budget | undefined;
  /** Keys of this request's sessions that have not moved to hashed ids, or back. */
  #elsewhere: Map<string, string> | undefined;
  /** What the process has noted about the records of this request: once per record, however often it is loaded. */
  #noted: object[] | undefined;

  constructor(ctx: Koa.Context, options: SessionSettings, presented: string | undefined) {
    this.ctx = ctx;
    this.options = options;
    this.presented = presented;
    this.held = this.hold();
    this.began = options.users === undefined && options.renewal === undefined ? 0 : performance.now();
  }

  /** When the request began, as far as the sessions in this index are concerned: after those that it has ended itself. */
  beganFor(index: string): number {
    return this.exempt?.index === index ? this.exempt.at : this.began;
  }

  /** Creates the object that holds a session of this request. */
  hold(): HeldSession {
    const { ctx, options } = this;
    const cookieDefaults = () => options.cookieOf(ctx);
    if (options.shapeOf === undefined) return new HeldSession(cookieDefaults);
    return new CodedSession(cookieDefaults, options.shapeOf(ctx));
  }

  /** The session's key in the store. */
  get key(): string {
    return this.keyOf(this.id as string);
  }

  /** How much longer this request may wait for the store. */
  get budget(): Budget {
    this.#budget ??= this.options.store.newBudget();
    return this.#budget;
  }

  /** Loads the record of a session id that the request carries. */
  load(sid: string): Promise<Loaded> {
    const { cookieOf, mayStayUnread, renew, store } = this.options;
    this.presented = sid;
    // A cookie with an end has to be looked at.
    const isLeft = mayStayUnread && cookieOf(this.ctx).expires === undefined;
    const loading = store.records.load(store.keyOf(sid), this.budget, renew !== undefined, isLeft, this);
    return store.otherNames === undefined ? loading : this.#find(sid, loading, true);
  }

  /** Loads the record of a session id again, to go on from there. */
  look(sid: string): Promise<Loaded> {
    const { renew, store } = this.options;
    const loading = store.records.load(store.keyOf(sid), this.budget, renew !== undefined);
    return store.otherNames === undefined ? loading : this.#find(sid, loading, false);
  }

  async #find(sid: string, loading: Promise<Loaded>, moves: boolean): Promise<Loaded> {
    const { store } = this.options;
    const found = await (store.otherNames as OtherNames).find(sid, loading, this.budget);
    const { key, loaded } = await (moves && !found.isUnfinished
      ? moveSession(this, sid, found)
      : finishMove(this, found));
    if (key === store.keyOf(sid)) this.#elsewhere?.delete(sid);
    else this.#elsewhere = (this.#elsewhere ?? new Map<string, string>()).set(sid, key);
    return loaded;
  }

  /** The key of a session in the store. */
  keyOf(sid: string): string {
    return this.#elsewhere?.get(sid) ?? this.options.store.keyOf(sid);
  }

  /** So many requests load the record that this one waits. */
  crowded(): void {
    readLater(this.ctx.req);
  }

  /** Notes that this request uses the record. */
  enter(version: Version): void {
    this.token = version.token;
    const { records } = this.options.store;
    const noted = records.noted(version);
    if (noted === undefined) return;
    // Nobody waits for work that continues after the response.
    if (this.phase === 'over' || this.#noted?.includes(noted)) records.release(noted);
    else if (this.#noted === undefined) this.#noted = [noted];
    else this.#noted.push(noted);
  }

  /** Called when this request is over. */
  leave(): void {
    this.phase = 'over';
    const noted = this.#noted;
    if (noted === undefined) return;
    this.#noted = undefined;
    for (const one of noted) this.options.store.records.release(one);
  }

  /** Whether the visitor's id was signed with a key other than the first. */
  get isOutdated(): boolean {
    const sid = this.token ?? this.id;
    return sid !== undefined && this.options.idStore.isOutdated.call(this.ctx, sid);
  }

  /** Whether there is no response: koa-websocket runs middleware on an upgraded request. */
  get hasNoResponse(): boolean {
    return this.ctx.res === undefined;
  }

  /** Whether an id can no longer reach the visitor. A custom id store knows best itself whether headers were sent. */
  get headersSent(): boolean {
    return this.hasNoResponse || (this.options.sendsCookie && this.ctx.headerSent);
  }

  /** Whether changes can no longer be kept: the visitor has the session, and does not get it now. */
  get isOutOfReach(): boolean {
    return this.options.store.usesTokens && this.headersSent;
  }

  get isInHook(): boolean {
    return hooks.getStore() === this;
  }

  /** Runs a function of the application. */
  async hook<T>(run: () => T | Promise<T>): Promise<T> {
    return hooks.run(this, run);
  }

  /** Returns a promise only if an id must be awaited. */
  becomeNew(): Promise<void> | undefined {
    this.presented = undefined;
    if (this.options.genSid === undefined || this.id !== undefined) {
      this.origin = 'new';
      return undefined;
    }
    // A custom id is created in advance, since `ctx.sessionId` cannot await it.
    return this.makeId().then((id) => {
      this.id ??= id;
      this.origin = 'new';
    });
  }

  /** Another request has ended the session. The visitor keeps what that one sent, and gets nothing from this one. */
  detach(sid: string | undefined): void {
    if (sid !== undefined) {
      const version = this.predecessor?.version ?? this.held.stored;
      this.lost = { id: sid, version };
    }
    this.giveUp();
    withdrawHeaders(this.ctx);
    this.emit('session:gone', sid, undefined);
  }

  /** The login is refused: nothing of it is stored or sent. What the visitor had before goes on, and a later login takes its place. */
  refuse(refusal: SessionError): void {
    const { held, id, origin, predecessor } = this;
    this.lost = origin === 'stored' ? { id: id as string, version: held.version } : predecessor;
    this.giveUp();
    this.refusal = refusal;
    withdrawHeaders(this.ctx);
  }

  /** From now on, no change is stored or sent. */
  giveUp(): void {
    this.origin = 'detached';
    this.id = this.presented = this.predecessor = undefined;
    this.cookieDue = 'nothing';
    this.left = this.refusal = undefined;
    this.held.stored = undefined;
  }

  async makeId(): Promise<string> {
    const { genSid } = this.options;
    if (genSid === undefined) return defaultGenSid(SID_LENGTH);
    return this.checkNewId(await this.hook(() => genSid.call(this.ctx, SID_LENGTH)), '`genSid`');
  }

  /** @throws SessionError `ERR_SESSION_ID` if the application created an invalid id. */
  checkNewId(value: unknown, source: string): string {
    const sid = checkSessionId(value, source);
    if (!this.options.store.names.isAmbiguous(sid)) return sid;
    throw new SessionError(
      'ERR_SESSION_ID',
      `Expected ${source} to give a session id that cannot be the hash of another one, since \`ids\` has a date, got 43 characters of base64url: give ids of another length`,
    );
  }

  /** The id of a new session without a `genSid`. */
  makeDefaultId(): string {
    this.id ??= defaultGenSid(SID_LENGTH);
    return this.id;
  }

  /** The session ready for writing, with a cookie that can be sent; `text` is its text if already known. */
  draft(session: Session, text?: string): SessionDraft {
    const { idStore, store } = this.options;
    const draft = this.held.draft(session, store, text);
    if (!this.headersSent) idStore.check.call(this.ctx, draft.session.cookie);
    return draft;
  }

  landed(version: Version, record: string): void {
    if (sessionLine.enabled) {
      sessionLine(
        'written: %d bytes, attempts: %d',
        Buffer.byteLength(version.record ?? record),
        version.attempts ?? 1,
      );
    }
    this.origin = 'stored';
    this.held.landed(version, record);
    this.token = version.token;
    if (this.given === 'nothing') this.given = 'time';
  }

  /**
   * Sends the id to the visitor. An id that the visitor already has waits until the end of the request: before that,
   * another request may end the session and send another id.
   *
   * @param session with the cookie that is sent
   */
  async sendId(session: Session): Promise<void> {
    if (this.isOutOfReach) throw headersSent('What was changed in the session');
    if (this.headersSent) return;
    const { autoCommit, idStore, store } = this.options;
    const isOwn = this.given === 'all';
    // A session in a token is saved by sending it.
    const isLater = autoCommit === true && this.phase === 'handlers' && !isOwn && !store.usesTokens;
    this.cookieDue = isLater ? 'renew' : 'nothing';
    if (isLater) return;
    // The store's answer may have come after that of another request in this process, which has ended the session.
    const hasEnded = !isOwn && store.records.hasEnded(this.key, this.held.stored as Version);
    if (hasEnded && (await hasEnded)) return this.detach(this.id);
    const sid = this.token ?? (this.id as string);
    const sent = this.#withEnd(session);
    // With `rolling`, every page sends the id again: `no-store` would disable the back button on all of them.
    const rule = isOwn ? 'no-store' : 'private';
    const sending = this.#deliver(() => idStore.set.call(this.ctx, sid, sent), rule);
    if (sending !== undefined) await sending;
    if (this.left !== undefined) await this.#clearLeft(this.left, sent.cookie);
  }

  /** The session with a cookie that does not outlive it. */
  #withEnd(session: Session): Session {
    const { store } = this.options;
    if (!store.hasAbsoluteTimeout) return session;
    const left = store.timeLeftOf(session);
    const { maxAge, expires } = session.cookie;
    const isShorter = expires ? new Date(expires).getTime() <= Date.now() + left : maxAge ? maxAge <= left : true;
    return isShorter ? session : { ...session, cookie: { ...session.cookie, expires: undefined, maxAge: left } };
  }

  /** Clears an id that is no longer valid; `session` has the attributes with which its cookie was set. */
  async takeIdBack(session?: Session): Promise<void> {
    if (this.cookieDue !== 'clear' || this.headersSent) return;
    this.cookieDue = 'nothing';
    const { reset } = this.options.idStore;
    const [cookie] = this.left ?? [];
    const last = cookie === undefined ? (session ?? { cookie: this.held.cookie }) : { ...session, cookie };
    await this.#deliver(() => reset.call(this.ctx, last), 'no-store');
    if (this.left !== undefined) await this.#clearLeft(this.left, last.cookie);
  }

  /** The visitor's cookies of the session are no longer valid. */
  leaveCookies(held: HeldSession): void {
    const cookies = held.cookiesAsSent();
    if (cookies.length > 0) this.left = cookies;
  }

  async #clearLeft(left: readonly CookieOptions[], beside: CookieOptions): Promise<void> {
    const { clear } = this.options.idStore;
    const cookies = left.filter((cookie) => !isSamePlace(cookie, beside));
    if (cookies.length > 0) await this.#deliver(() => clear.call(this.ctx, cookies), 'no-store');
  }

  /** Signs the visitor's id with the current key. */
  signId(): void {
    const { sign } = this.options.idStore;
    const sid = this.token ?? (this.id as string);
    void this.#deliver(() => sign.call(this.ctx, sid, this.held.cookie), 'private');
  }

  /** Sends something to the visitor. A custom id store runs as a hook. */
  #deliver(send: () => Headers | Promise<Headers>, rule: CacheRule): Promise<void> | undefined {
    const { sendsCookie } = this.options;
    this.varies ||= sendsCookie;
    const sent = sendsCookie ? send() : this.hook(send);
    if (sent instanceof Promise) return sent.then((headers) => carryHeaders(this.ctx, headers, rule));
    carryHeaders(this.ctx, sent, rule);
    return undefined;
  }

  /** Passes the store's error to the errorHandler. If that returns, the request continues. */
  async fail(error: unknown, type: ErrorType): Promise<void> {
    const { errorHandler } = this.options;
    if (errorHandler === undefined || !(error instanceof StoreError)) throw error;
    const heard = error instanceof StoreUnavailableError ? 'connect' : type;
    await this.hook(() => errorHandler(error, heard, this.ctx));
  }

  /** Tells all processes that the session has ended, if the options ask for it. `handle` is the one that its record notes. */
  announce(reason: EndReason, id: string, handle: string | undefined): void {
    const { endings, names } = this.options.store;
    endings?.announce(handle ?? names.handleOf(this.keyOf(id)), reason);
  }

  /**
   * @param reason why the session has ended, if this event is the one that tells
   * @param continued whether it goes on under a new id with its data
   */
  emit(
    event: `session:${string}`,
    key: string | undefined,
    value: unknown,
    reason?: EndReason,
    continued?: boolean,
  ): void {
    if (sessionLine.enabled) sessionLine(event.slice('session:'.length));
    tellOfSession(event, this.options.store.prefix, reason, continued);
    this.ctx.app.emit(event, { ctx: this.ctx, key, value });
  }
}

/** The error for `what`, which needs a response whose headers have not been sent. */
export function headersSent(what: string): SessionError {
  return new SessionError(
    'ERR_SESSION_HEADERS_SENT',
    `${what} cannot reach the visitor: the response's head has already been sent, or there is no response, as on a WebSocket. Change or regenerate the session earlier.`,
  );
}
