import type Koa = require('koa');

import { randomUUID } from 'node:crypto';
import { types } from 'node:util';
import {
  ContextSession,
  type ResolvedOptions,
  type RunningSession,
  SessionError,
  type SessionShape,
} from '../../index';
import { decoded, isRecord } from './cookie-client';
import { presentedIn } from './ids';
import { hasExpired, isDue, lifetimeOf } from './lifetime';
import { requests, type StoreRequest } from './request';
import { KoaSession, type SessionOwner } from './session';
import type { ExternalStore, SessionOptions, SessionRecord } from './types';

/** What one request has of its session: what koa-session does its own way, and the engine's part of it. */
export class RequestSession implements RunningSession, SessionOwner, SessionShape, StoreRequest {
  readonly ctx: Koa.Context;
  readonly options: SessionOptions;
  readonly store: ExternalStore | undefined;
  /** The session's text where it is written though nobody has changed it. */
  unchanged: string | undefined;
  /** Whether the middleware has taken the request. */
  isRunning = false;
  readonly #engineOptions: ResolvedOptions;
  #contextSession: ContextSession | undefined;
  #reading: { done?: Promise<void> | undefined } | undefined;
  /** What was handed out before the store was asked. */
  #early: KoaSession | undefined;
  /** How many calls are under way that save in any case. */
  #forced = 0;

  constructor(ctx: Koa.Context, options: SessionOptions, engine: ResolvedOptions) {
    this.ctx = ctx;
    this.options = options;
    this.store = options.ContextStore ? new options.ContextStore(ctx) : options.store;
    this.#engineOptions = engine;
  }

  /** Made on first use: it asks for this session, by the context. */
  get #engine(): ContextSession {
    this.#contextSession ??= new ContextSession(this.ctx, this.#engineOptions, undefined);
    return this.#contextSession;
  }

  get session(): KoaSession | null {
    if (this.store === undefined) this.#readCookie();
    const session = this.#engine.session as KoaSession | null | undefined;
    if (session !== undefined) return session;
    this.#early ??= this.make(undefined);
    return this.#early;
  }

  /** @throws SessionError `ERR_SESSION_VALUE` for what cannot be a session. */
  set session(value: unknown) {
    if (value !== null && typeof value !== 'object') {
      throw new SessionError(
        'ERR_SESSION_VALUE',
        `Expected ctx.session to be set to an object, or to null to destroy it, got ${typeof value}`,
      );
    }
    if (this.store === undefined) this.#replaceCookie(value);
    this.#engine.session = value;
  }

  get externalKey(): string | undefined {
    return this.store && this.#engine.id;
  }

  start(): Promise<void> | undefined {
    this.isRunning = true;
    // A session in the cookie is read where it is asked for, unless that has to be waited for.
    if (this.store === undefined && !isAsyncFunction(this.options.valid)) return undefined;
    return requests.run(this, () => this.#load());
  }

  async #load(): Promise<void> {
    await (this.store === undefined ? this.#readCookie() : this.#engine.load());
    const early = this.#early?.toJSON();
    if (early !== undefined && Object.keys(early).length > 0) Object.assign(this.session ?? {}, early);
  }

  /** What is thrown away is not read before; but an object takes the place of what is there, were it empty. */
  #replaceCookie(value: object | null): void {
    if (value !== null) this.#readCookie();
    else if (this.#reading === undefined) {
      this.#reading = {};
      this.#engine.begin();
    }
  }

  /** A promise where `valid` is async. */
  #readCookie(): Promise<void> | undefined {
    if (this.#reading === undefined) {
      this.#reading = {};
      this.#reading.done = this.#begin();
    }
    return this.#reading.done;
  }

  #begin(): Promise<void> | undefined {
    const { ctx, options } = this;
    const cookie = presentedIn(ctx, options);
    // What cannot be read says nothing; nothing at all is a session missed.
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
      'Expected `valid` to answer at once, or to be an async function, since sessions are in the cookie, got a promise',
    );
  }

  commit(): Promise<void> | undefined {
    if (!this.options.autoCommit) return undefined;
    return requests.run(this, () => this.#commit());
  }

  /** Async, so that what cannot be serialised is a rejection. */
  async #commit(): Promise<void> {
    this.#force();
    await this.#engine.commit();
  }

  leave(): void {
    this.#engine.leave();
  }

  async persist({ save = false, regenerate = false }): Promise<void> {
    const forced = save || regenerate ? 1 : 0;
    this.#forced += forced;
    try {
      if (regenerate) await requests.run(this, () => this.#engine.regenerate(true));
      this.#force();
      await requests.run(this, () => this.#engine.save());
    } finally {
      this.#forced -= forced;
    }
  }

  /** Sees to it that the session is saved that nobody has changed, where it has to be. */
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
    return new KoaSession(this, data);
  }

  refill(session: object, data: SessionRecord): void {
    KoaSession.refill(session as KoaSession, data);
  }

  toData(session: object): SessionRecord {
    return { ...KoaSession.dataOf(session as KoaSession), ...lifetimeOf(this.options.maxAge) };
  }

  isEmpty(session: object): boolean {
    return Object.keys(KoaSession.dataOf(session as KoaSession)).length === 0;
  }

  accepts(data: SessionRecord, key: string | undefined): boolean | Promise<boolean> {
    if (hasExpired(data)) return this.#refuse('expired', key, data);
    const { valid } = this.options;
    const judge = (isValid: unknown) => (isValid ? this.#accept(data) : this.#refuse('invalid', key, data));
    const isValid = valid === undefined || valid(this.ctx, data);
    return isThenable(isValid) ? Promise.resolve(isValid).then(judge) : judge(isValid);
  }

  /** A session keeps the time that it was given. */
  #accept({ _maxAge, _session }: SessionRecord): true {
    if (_session !== undefined) this.options.maxAge = 'session';
    else if (_maxAge !== undefined) this.options.maxAge = _maxAge;
    return true;
  }

  #refuse(event: string, key: string | undefined, value: unknown): false {
    this.ctx.app.emit(`session:${event}`, { key, value, ctx: this.ctx });
    return false;
  }
}

/** In place of a session. */
const NO_SESSION = 'none';

/** A record that has come in the cookie. */
function stored(data: SessionRecord, token: string) {
  return { data, ttl: undefined, record: undefined, revision: undefined, token };
}

function isAsyncFunction(value: unknown): boolean {
  return types.isAsyncFunction(value);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
