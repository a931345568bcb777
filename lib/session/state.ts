import type Koa = require('koa');

import { AsyncLocalStorage } from 'node:async_hooks';
import { sessionLine } from '../base/debug-lines';
import { SessionError, StoreError, StoreUnavailableError } from '../base/errors';
import type { CookieOptions, ErrorType, Session } from '../base/types';
import type { Budget } from '../client/budget';
import { carryHeaders, withdrawHeaders } from '../cookies/error-headers';
import type { Headers } from '../cookies/id-store';
import { isSamePlace } from '../cookies/session-cookie';
import type { CacheRule } from '../cookies/shared-caches';
import type { Loaded, Unread, Version } from '../persistence/records';
import { CodedSession } from './coded-session';
import { HeldSession, type SessionDraft } from './held-session';
import { checkSessionId, defaultGenSid } from './id';
import { readLater } from './pipelined';
import type { SessionSettings } from './settings';

const SID_LENGTH = 24;

/**
 * Where the session of a request comes from. `detached`: from nowhere, and it goes nowhere: what is written to it is not
 * persisted and no cookie is sent, since the record is out of reach or another request has ended the session.
 */
export type Origin = 'unknown' | 'new' | 'stored' | 'detached';

/**
 * What the visitor's cookie needs before the response ends: `renew` sends it again with its full lifetime once the handlers are
 * done, `clear` takes back an id that is no longer valid.
 */
type CookieDue = 'nothing' | 'renew' | 'clear';

/** How far the request is: `commit`: its handlers are done, so what is sent is sent at once; `over`: nobody waits for it. */
type Phase = 'handlers' | 'commit' | 'over';

/** What this request has given the session: `time`: record and cookie have their full lifetime; `all`: it has created the session. */
export type Given = 'nothing' | 'time' | 'all';

/** A session that this request has had, and may not have any more. */
export interface Former {
  id: string;
  /** What this request has read of the record, if it has. */
  version: Version | undefined;
  /** The index that lists it, if one does. */
  index?: string | undefined;
}

/** The session that this request regenerates. Its record is in use until the new one is stored. */
export interface Predecessor extends Former {
  keepsData: boolean;
  /** Whether the session only gets a new id because of the old one's age. */
  isRenewal?: boolean;
}

/** Whose hook is running: one that waited for its own session would wait for ever. */
const hooks = new AsyncLocalStorage<SessionState>();

/** What is known of the session of one request; loading, saving and ending it work on this. */
export class SessionState {
  readonly ctx: Koa.Context;
  readonly options: SessionSettings;
  readonly held: HeldSession;
  origin: Origin = 'unknown';
  /** The id that the request carries, from an earlier middleware or from the id store. */
  presented: string | undefined;
  /** The session's id; a new session has none until somebody asks. */
  id: string | undefined;
  /** The stored session's record, until somebody wants to know what is in it. */
  unread: Unread | undefined;
  /** The session's token, if the session is kept in one: the visitor has it in place of the id. */
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
  /** Whether the response depends on the visitor's cookie: a handler has asked for the session, or the cookie is set. */
  varies = false;
  /** What this request regenerates, until that is done. */
  predecessor: Predecessor | undefined;
  /** What another request has ended. */
  lost: Former | undefined;
  /** Cookies of a session that has ended, or been moved: each is cleared where it is, but for the place where the new one goes. */
  left: readonly CookieOptions[] | undefined;
  #budget: Budget | undefined;
  /** What the process notes of the records that this request works on: once each, however often it loads them. */
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

  /** Holds a session of this request. */
  hold(): HeldSession {
    const { ctx, options } = this;
    const cookieDefaults = () => options.cookieOf(ctx);
    if (options.shapeOf === undefined) return new HeldSession(cookieDefaults);
    return new CodedSession(cookieDefaults, options.shapeOf(ctx));
  }

  /** The store's key of the session. */
  get key(): string {
    return this.options.store.keyOf(this.id as string);
  }

  /** What is left of the time that this request may wait for the store. */
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
    return store.records.load(store.keyOf(sid), this.budget, renew !== undefined, isLeft, this);
  }

  /** So many requests load the record that this one waits. */
  crowded(): void {
    readLater(this.ctx.req);
  }

  /** This request works on the record from now on. */
  enter(version: Version): void {
    this.token = version.token;
    const { records } = this.options.store;
    const noted = records.noted(version);
    if (noted === undefined) return;
    // What goes on after the response is nobody's to wait for.
    if (this.phase === 'over' || this.#noted?.includes(noted)) records.release(noted);
    else if (this.#noted === undefined) this.#noted = [noted];
    else this.#noted.push(noted);
  }

  /** This request is over. */
  leave(): void {
    this.phase = 'over';
    const noted = this.#noted;
    if (noted === undefined) return;
    this.#noted = undefined;
    for (const one of noted) this.options.store.records.release(one);
  }

  /** Whether the visitor's id was signed with a key that is no longer the first. */
  get isOutdated(): boolean {
    const sid = this.token ?? this.id;
    return sid !== undefined && this.options.idStore.isOutdated.call(this.ctx, sid);
  }

  /** Whether there is no response at all: koa-websocket runs middleware on a request that was upgraded. */
  get hasNoResponse(): boolean {
    return this.ctx.res === undefined;
  }

  /** Whether ids cannot reach the visitor, or no longer. An id store of the user's own knows best itself whether headers were sent. */
  get headersSent(): boolean {
    return this.hasNoResponse || (this.options.sendsCookie && this.ctx.headerSent);
  }

  /** Whether nothing that is done to the session can be kept any more: its visitor carries it, and does not get it now. */
  get isOutOfReach(): boolean {
    return this.options.store.usesTokens && this.headersSent;
  }

  get isInHook(): boolean {
    return hooks.getStore() === this;
  }

  /** Runs a function of the application's. */
  async hook<T>(run: () => T | Promise<T>): Promise<T> {
    return hooks.run(this, run);
  }

  /** A promise only where an id has to be waited for. */
  becomeNew(): Promise<void> | undefined {
    this.presented = undefined;
    if (this.options.genSid === undefined || this.id !== undefined) {
      this.origin = 'new';
      return undefined;
    }
    // An id of the user's own making is made up front: `ctx.sessionId` cannot wait for it.
    return this.makeId().then((id) => {
      this.id ??= id;
      this.origin = 'new';
    });
  }

  /** Another request has ended the session: the visitor has what that one sent, and gets nothing from this one. */
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
  refuse(): void {
    const { held, id, origin, predecessor } = this;
    this.lost = origin === 'stored' ? { id: id as string, version: held.version } : predecessor;
    this.giveUp();
    withdrawHeaders(this.ctx);
  }

  /** Nothing that is done to the session from now on is stored or sent. */
  giveUp(): void {
    this.origin = 'detached';
    this.id = this.presented = this.predecessor = undefined;
    this.cookieDue = 'nothing';
    this.left = undefined;
    this.held.stored = undefined;
  }

  async makeId(): Promise<string> {
    const { genSid } = this.options;
    if (genSid === undefined) return defaultGenSid(SID_LENGTH);
    return checkSessionId(await this.hook(() => genSid.call(this.ctx, SID_LENGTH)), '`genSid`');
  }

  /** The id of a new session without a `genSid`. */
  makeDefaultId(): string {
    this.id ??= defaultGenSid(SID_LENGTH);
    return this.id;
  }

  /** The session, ready to be written, with a cookie that can be sent; `text` is its text where that is known already. */
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
   * Hands the id to the visitor. One that the visitor holds already waits for the end of the request: until then another request
   * may end the session, and hand out an id of its own.
   *
   * @param session with the cookie that is sent
   */
  async sendId(session: Session): Promise<void> {
    if (this.isOutOfReach) throw headersSent('What was changed in the session');
    if (this.headersSent) return;
    const { autoCommit, idStore, store } = this.options;
    const isOwn = this.given === 'all';
    // A session in a token is saved by being sent.
    const isLater = autoCommit === true && this.phase === 'handlers' && !isOwn && !store.usesTokens;
    this.cookieDue = isLater ? 'renew' : 'nothing';
    if (isLater) return;
    // Its answer may have come later than that of another request of this process, which has ended the session.
    const hasEnded = !isOwn && store.records.hasEnded(this.key, this.held.stored as Version);
    if (hasEnded && (await hasEnded)) return this.detach(this.id);
    const sid = this.token ?? (this.id as string);
    const sent = this.#withEnd(session);
    // With `rolling` every page sends the id again: `no-store` would cost all of them the back button.
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

  /** Takes an id back that is no longer good; `session` has the attributes that its cookie was set with. */
  async takeIdBack(session?: Session): Promise<void> {
    if (this.cookieDue !== 'clear' || this.headersSent) return;
    this.cookieDue = 'nothing';
    const { reset } = this.options.idStore;
    const [cookie] = this.left ?? [];
    const last = cookie === undefined ? (session ?? { cookie: this.held.cookie }) : { ...session, cookie };
    await this.#deliver(() => reset.call(this.ctx, last), 'no-store');
    if (this.left !== undefined) await this.#clearLeft(this.left, last.cookie);
  }

  /** The visitor's cookies of the session are no longer good. */
  leaveCookies(held: HeldSession): void {
    const cookies = held.cookiesAsSent();
    if (cookies.length > 0) this.left = cookies;
  }

  async #clearLeft(left: readonly CookieOptions[], beside: CookieOptions): Promise<void> {
    const { clear } = this.options.idStore;
    const cookies = left.filter((cookie) => !isSamePlace(cookie, beside));
    if (cookies.length > 0) await this.#deliver(() => clear.call(this.ctx, cookies), 'no-store');
  }

  /** Signs the id that the visitor has with today's key. */
  signId(): void {
    const { sign } = this.options.idStore;
    const sid = this.token ?? (this.id as string);
    void this.#deliver(() => sign.call(this.ctx, sid, this.held.cookie), 'private');
  }

  /** Runs what sends something to the visitor. An id store of the application's is a hook like others. */
  #deliver(send: () => Headers | Promise<Headers>, rule: CacheRule): Promise<void> | undefined {
    const { sendsCookie } = this.options;
    this.varies ||= sendsCookie;
    const sent = sendsCookie ? send() : this.hook(send);
    if (sent instanceof Promise) return sent.then((headers) => carryHeaders(this.ctx, headers, rule));
    carryHeaders(this.ctx, sent, rule);
    return undefined;
  }

  /** What the store failed with is the errorHandler's to judge; the request goes on where that returns. */
  async fail(error: unknown, type: ErrorType): Promise<void> {
    const { errorHandler } = this.options;
    if (errorHandler === undefined || !(error instanceof StoreError)) throw error;
    const heard = error instanceof StoreUnavailableError ? 'connect' : type;
    await this.hook(() => errorHandler(error, heard, this.ctx));
  }

  emit(event: `session:${string}`, key: string | undefined, value: unknown): void {
    if (sessionLine.enabled) sessionLine(event.slice('session:'.length));
    this.ctx.app.emit(event, { ctx: this.ctx, key, value });
  }
}

/** The response's head has been sent, and `what` needs it. */
export function headersSent(what: string): SessionError {
  return new SessionError(
    'ERR_SESSION_HEADERS_SENT',
    `${what} cannot reach the visitor: the response's head has already been sent, or there is no response, as on a WebSocket. Change or regenerate the session earlier.`,
  );
}
