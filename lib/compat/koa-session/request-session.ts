import type Koa = require('koa');

import { randomUUID } from 'node:crypto';
import { types } from 'node:util';
import {
  ContextSession,
  isEmpty,
  type RunningSession,
  type SessionCodec,
  SessionError,
  type SessionSettings,
  sessionLine,
  type Taker,
  tellOfSession,
} from '../../middleware/engine';
import { decoded, isRecord } from './cookie-client';
import { engineOptionsOn } from './engine';
import { presentedIn } from './ids';
import { hasExpired, isDue, lifetimeOf } from './lifetime';
import { requests, type StoreRequest } from './request';
import { KoaSession, type SessionOwner } from './session';
import type { ExternalStore, MaxAge, SessionOptions, SessionRecord } from './types';

/** The session of one request: koa-session's behaviour around the engine's session. */
export class RequestSession implements RunningSession, SessionOwner, SessionCodec, StoreRequest {
  readonly ctx: Koa.Context;
  readonly options: SessionOptions;
  readonly store: ExternalStore | undefined;
  /** The session's text, if it is written unchanged. */
  unchanged: string | undefined;
  /** The middleware that has taken the request. */
  taker: Taker | undefined;
  readonly #engineOptions: SessionSettings;
  #contextSession: ContextSession | undefined;
  #reading: { done?: Promise<void> | undefined } | undefined;
  /** The session that a handler received before the store answered. It becomes the session. */
  #early: KoaSession | undefined;
  /** What handlers wrote to it before. */
  #written: { data: Record<string, unknown>; maxAge: MaxAge | undefined; hasMaxAge: boolean } | undefined;
  #leavesWithResponse = false;
  /** Number of pending calls that force a save. */
  #forced = 0;
  #hasCommitted = false;

  constructor(ctx: Koa.Context, options: SessionOptions, engine: SessionSettings) {
    this.ctx = ctx;
    this.options = options;
    const { ContextStore } = options;
    this.store = ContextStore ? new ContextStore(ctx) : options.store;
    this.#engineOptions = ContextStore ? engineOptionsOn(this.store as ExternalStore, engine, options) : engine;
  }

  /** Created on first use, since it asks `ctx` for this session. */
  get #engine(): ContextSession {
    this.#contextSession ??= new ContextSession(this.ctx, this.#engineOptions, undefined);
    return this.#contextSession;
  }

  wasRead(): void {
    this.#engine.wasRead();
  }

  get session(): KoaSession | null {
    if (this.store === undefined) this.#readCookie();
    const session = this.#engine.session as KoaSession | null | undefined;
    if (session === undefined) {
      this.#early ??= new KoaSession(this);
      return this.#early;
    }
    this.#writeAgain(session);
    return session;
  }

  /** @throws SessionError `ERR_SESSION_VALUE` if the value cannot be a session. */
  set session(value: unknown) {
    if (value !== null && typeof value !== 'object') {
      throw new SessionError(
        'ERR_SESSION_VALUE',
        `Expected ctx.session to be set to an object, or to null to destroy it, got ${typeof value}`,
      );
    }
    if (this.store === undefined) this.#replaceCookie(value);
    this.#early = undefined;
    this.#engine.session = value;
  }

  get externalKey(): string | undefined {
    return this.store && this.#engine.id;
  }

  start(): Promise<void> | undefined {
    // A session in the cookie is read on demand, unless reading must be awaited.
    if (this.store === undefined && !isAsyncFunction(this.options.valid)) return undefined;
    return requests.run(this, () => this.#load());
  }

  async #load(): Promise<void> {
    await (this.store === undefined ? this.#readCookie() : this.#engine.load());
    // Reading the session merges what handlers wrote early.
    if (this.#early !== undefined) void this.session;
  }

  /** Destroying a session needs no reading; replacing it does, even with an empty object. */
  #replaceCookie(value: object | null): void {
    if (value !== null) this.#readCookie();
    else if (this.#reading === undefined) {
      this.#reading = {};
      this.#engine.begin();
    }
  }

  /** A promise only if `valid` is async. */
  #readCookie(): Promise<void> | undefined {
    if (this.#reading === undefined) {
      this.#reading = {};
      this.#reading.done = this.#begin();
    }
    return this.#reading.done;
  }

  #begin(): Promise<void> | undefined {
    const { ctx, options } = this;
    const cookie = presentedIn(ctx, options, (value) => {
      const data = decoded(value, options, undefined);
      return isRecord(data) && !hasExpired(data);
    });
    // A cookie that decodes to nothing emits `session:missed`. One that is missing or cannot be decoded emits nothing.
    const data = cookie ? decoded(cookie, options, NO_SESSION) : NO_SESSION;
    if (!data) this.#refuse('missed', undefined, data);
    const accepted = isRecord(data) && this.accepts(data, undefined);
    const begin = (isAccepted: boolean): undefined => {
      if (isAccepted) this.#engine.begin(randomUUID(), stored(data as SessionRecord, cookie as string));
      else this.#engine.begin();
    };
    if (typeof accepted === 'boolean') return begin(accepted);
    if (isAsyncFunction(options.valid)) return accepted.then(begin);
    accepted.catch(() => undefined);
    throw new SessionError(
      'ERR_SESSION_VALUE',
      'Expected `valid` to return at once, or to be an async function, since sessions are in the cookie, got a promise',
    );
  }

  commit(): Promise<void> | undefined {
    if (!this.options.autoCommit) return undefined;
    return requests.run(this, () => this.#commit());
  }

  /** Whether the middleware still has to save the session, in a store. */
  get #commits(): boolean {
    return this.taker !== undefined && this.options.autoCommit && this.store !== undefined && !this.#hasCommitted;
  }

  /** Async, so that a value JSON cannot hold becomes a rejection. */
  async #commit(): Promise<void> {
    this.#hasCommitted = true;
    this.#force();
    await this.#engine.commit();
  }

  leave(): void {
    this.#engine.leave();
  }

  async persist({ save = false, regenerate = false }): Promise<void> {
    const forced = save || regenerate ? 1 : 0;
    this.#forced += forced;
    // The session moves together with the handlers' changes, so that two clicks on "Log in" end in one session.
    const comesLater = regenerate && this.#commits;
    try {
      // A handler may call this before the middleware runs, or without it.
      await requests.run(this, () => this.#load());
      // A destroyed session needs no new key.
      const goesOn = this.#engine.current !== null;
      if (regenerate && goesOn) await requests.run(this, () => this.#engine.regenerate(true));
      this.#force();
      if (!comesLater) await requests.run(this, () => this.#engine.save());
    } finally {
      if (!comesLater) this.#forced -= forced;
      if (this.taker === undefined) this.#leaveWithResponse();
    }
  }

  /** Without the middleware, no other code leaves. */
  #leaveWithResponse(): void {
    const res = this.ctx.res as Koa.Context['res'] | undefined;
    // The response is over, or a tool made it: no event follows.
    const closes = Boolean(res?.socket) && !res?.destroyed && typeof res?.once === 'function';
    if (res === undefined || !closes) this.leave();
    else if (!this.#leavesWithResponse) res.once('close', () => this.taker ?? this.leave());
    this.#leavesWithResponse = closes;
  }

  /** Saves an unchanged session, if it must be saved. */
  #force(): void {
    const engine = this.#engine;
    const { rolling, renew } = this.options;
    const session = (rolling || renew ? engine.session : engine.current) as KoaSession | null | undefined;
    if (!session) return;
    const isLonger = !engine.isNew && (rolling || (renew && isDue(session)));
    const isForced = this.#forced > 0 || session._requireSave || isLonger;
    const isUnchanged = isForced && !engine.isNew && engine.status === 'unmodified';
    this.unchanged = isUnchanged ? JSON.stringify(this.toData(session)) : undefined;
    engine.saving = isForced || null;
  }

  make(data: SessionRecord | undefined): KoaSession {
    const early = this.#early;
    if (early === undefined) return new KoaSession(this, data);
    // Handlers may hold the early object. Their writes wait for the stored data.
    const { maxAge } = this.options;
    this.#written = { data: KoaSession.dataOf(early), maxAge, hasMaxAge: early._requireSave };
    this.#early = undefined;
    KoaSession.refill(early, data ?? {});
    early.isNew = data === undefined;
    return early;
  }

  #writeAgain(session: KoaSession | null): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    if (session === null) return;
    Object.assign(session, written.data);
    if (written.hasMaxAge) this.options.maxAge = written.maxAge;
  }

  toData(session: object): SessionRecord {
    return { ...KoaSession.dataOf(session as KoaSession), ...lifetimeOf(this.options.maxAge) };
  }

  dataOf({ _expire, _maxAge, _session, ...data }: SessionRecord): SessionRecord {
    return data;
  }

  isEmpty(session: object): boolean {
    return isEmpty(KoaSession.dataOf(session as KoaSession));
  }

  accepts(data: SessionRecord, key: string | undefined): boolean | Promise<boolean> {
    if (hasExpired(data)) return this.#refuse('expired', key, data);
    const { valid } = this.options;
    const judge = (isValid: unknown) => (isValid ? this.#accept(data) : this.#refuse('invalid', key, data));
    const isValid = valid === undefined || valid(this.ctx, data);
    return isThenable(isValid) ? Promise.resolve(isValid).then(judge) : judge(isValid);
  }

  /** A session keeps its own lifetime. */
  #accept({ _maxAge, _session }: SessionRecord): true {
    // Unless a handler set another one before the session was read.
    if (this.#early?._requireSave === true) return true;
    if (_session !== undefined) this.options.maxAge = 'session';
    else if (_maxAge !== undefined) this.options.maxAge = _maxAge;
    return true;
  }

  #refuse(event: string, key: string | undefined, value: unknown): false {
    sessionLine(event);
    tellOfSession(`session:${event}`, this.#engineOptions.store.prefix, event === 'expired' ? event : undefined);
    this.ctx.app.emit(`session:${event}`, { key, value, ctx: this.ctx });
    return false;
  }
}

/** Stands for a cookie that is missing or cannot be decoded. */
const NO_SESSION = 'none';

/** A record from the cookie. */
function stored(data: SessionRecord, token: string) {
  return { data, ttl: undefined, record: undefined, revision: undefined, token };
}

function isAsyncFunction(value: unknown): boolean {
  return types.isAsyncFunction(value);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
