import type Koa = require('koa');

import { SessionError } from '../base/errors';
import { expected } from '../base/expect';
import type { Session, SessionHandler, SessionStatus } from '../base/types';
import { carryVary } from '../cookies/error-headers';
import { varyOnCookie } from '../cookies/shared-caches';
import { handleOfKey } from '../persistence/handles';
import type { Stored } from '../persistence/records';
import { indexOf } from '../persistence/user-index';
import { indexOfSession } from '../persistence/whose';
import type { UserRules } from '../users/rules';
import { destroyStored, endFormer } from './ending';
import { handleBefore } from './enrolment';
import { checkSessionId } from './id';
import { adopt, loadSession, readRecord } from './loading';
import { regenerate } from './regenerating';
import { saveSession, touchSession, unsaved } from './saving';
import type { SessionSettings } from './settings';
import { headersSent, type Origin, SessionState } from './state';
import { updateSession } from './updating';

/** The session of one request, eager or deferred. Operations that write run one after the other. */
export class ContextSession implements SessionHandler {
  readonly #state: SessionState;
  #loading: Promise<void> | undefined;
  /** The promise that deferred handlers await. */
  #asked: Promise<unknown> | undefined;
  /** The promise that a handler received last. */
  #given: Promise<unknown> | undefined;
  /** The last operation that writes. */
  #turn: Promise<unknown> | undefined;
  /** Whether the session was saved for the last time; `'watched'` if it was read after that. */
  #end: 'saved' | 'watched' | undefined;

  constructor(ctx: Koa.Context, options: SessionSettings, presented: string | undefined) {
    this.#state = new SessionState(ctx, options, presented);
  }

  /** The state, after a loaded record has been parsed. */
  get #read(): SessionState {
    const state = this.#state;
    if (state.unread !== undefined) readRecord(state, state.unread);
    return state;
  }

  get options(): SessionSettings {
    return this.#state.options;
  }

  get id(): string | undefined {
    const { id, origin } = this.#read;
    return id === undefined && origin === 'new' ? this.#state.makeDefaultId() : id;
  }

  /** @throws SessionError `ERR_SESSION_ID` if the value cannot be an id, or the session already has one. */
  set id(value: unknown) {
    const sid = checkSessionId(value, '`ctx.sessionId`');
    if (sid === this.#read.id) return;
    if (this.#state.origin === 'unknown') this.#state.presented = sid;
    else if (this.#state.origin === 'new') this.#state.id = this.#state.checkNewId(sid, '`ctx.sessionId`');
    else
      throw new SessionError(
        'ERR_SESSION_ID',
        'The session already has an id; use ctx.regenerateSession() to change it',
      );
  }

  /** `ctx.sessionSave`: `true` forces a save, `false` forbids it. */
  get saving(): boolean | null {
    return this.#state.saving;
  }

  set saving(value: boolean | null) {
    this.#state.saving = value;
  }

  get isNew(): boolean {
    return this.#read.origin !== 'stored';
  }

  get createdAt(): Date | undefined {
    const { began } = this.#read.held.cookie;
    return began === undefined ? undefined : new Date(began);
  }

  /** The handles of the session, including the one that it is about to leave; none if it is not this user's. */
  async handlesFor(user: string): Promise<readonly string[]> {
    await this.load();
    const { held, options, origin } = this.#read;
    const session = origin === 'detached' ? null : held.take();
    const users = options.users as UserRules;
    if (session === null || indexOfSession(session, users) !== indexOf(user)) return [];
    const own = handleOfKey(options.store.keyOf(this.id as string), users);
    const handles = [own, held.cookie.notes?.handle, handleBefore(this.#state)];
    return handles.filter((handle) => handle !== undefined);
  }

  /** From now on, the request counts as one that began after all sessions of this user had ended. */
  exempt(user: string): void {
    this.#state.exempt = { index: indexOf(user), at: performance.now() };
  }

  /** Ends the session if it is this user's, and the one that it is about to leave; `false` if neither is stored. */
  async logOut(user: string): Promise<boolean> {
    if ((await this.handlesFor(user)).length === 0) return false;
    const wasStored = this.#state.origin === 'stored' || this.#state.predecessor?.index === indexOf(user);
    await this.destroy();
    return wasStored;
  }

  /** Whether another request has ended the session, or it is out of reach. Nothing is stored or sent then. */
  get isDetached(): boolean {
    return this.#read.origin === 'detached';
  }

  get status(): SessionStatus {
    const { held, origin } = this.#read;
    const { current } = held;
    if (current === null) return 'destroyed';
    if (!current || !held.used) return 'unmodified';
    const modified = origin === 'stored' ? held.modifiedText(current) !== undefined : !held.isEmpty;
    return modified ? 'modified' : 'unmodified';
  }

  /** The session without side effects: does not create it and does not mark it as used. */
  get current(): Session | null | undefined {
    return this.#state.held.current;
  }

  /** The session for a handler; `undefined` before it is loaded. */
  get session(): Session | null | undefined {
    const { held, origin } = this.#read;
    if (held.current === undefined && origin === 'unknown') return undefined;
    held.give();
    const session = held.take();
    this.watch();
    return session;
  }

  /** @throws SessionError `ERR_SESSION_VALUE` if the value cannot be a session. */
  set session(value: unknown) {
    const { held } = this.#read;
    this.watch();
    held.assign(value);
  }

  /**
   * The session for a handler in defer mode.
   *
   * @throws SessionError `ERR_SESSION_DEFERRED` if a handler has used an earlier promise as the session.
   */
  get deferred(): Promise<Session | null | undefined> {
    this.#expectAwaited();
    const { held, origin, isInHook } = this.#state;
    const isThere = held.current !== undefined || origin !== 'unknown' || isInHook;
    const session = isThere ? Promise.resolve(this.session) : this.#loaded();
    // A handler need not await it, and then a failure must not end the process.
    if (!isThere) this.#asked = session.catch(() => undefined);
    this.#given = session;
    return session;
  }

  async #loaded(): Promise<Session | null | undefined> {
    await this.load();
    return this.session;
  }

  /** Runs before the handlers. A deferred session is not loaded yet. */
  start(): Promise<void> | undefined {
    return this.options.defer ? undefined : this.load();
  }

  /** Uses a record that the caller already has instead of loading one. Without a record, the session is new. */
  begin(sid?: string, stored?: Stored): void {
    const state = this.#state;
    if (state.origin !== 'unknown') return;
    if (sid !== undefined && stored !== undefined) adopt(state, sid, stored);
    else void state.becomeNew();
  }

  /**
   * Finds the request's session. Calls the store once, however often this runs. Returns a promise only if there is
   * something to wait for.
   */
  load(): Promise<void> | undefined {
    if (this.#loading !== undefined || this.#state.origin !== 'unknown') return this.#loading;
    const loaded = () => {
      this.#loading = undefined;
    };
    this.#loading = loadSession(this.#state)?.then(loaded, (error: unknown) => {
      loaded();
      throw error;
    });
    return this.#loading;
  }

  /** The work left after the handlers. Most requests have none, and create no promise. */
  commit(): Promise<void> | undefined {
    if (!this.options.autoCommit) return undefined;
    // A handler may have read the session without awaiting it.
    if (this.#given !== undefined || this.#loading !== undefined) return this.#commitLoaded();
    this.#state.phase = 'commit';
    if (this.#turn !== undefined) return this.save();
    const left = unsaved(this.#state);
    return left && this.#inTurn(() => saveSession(this.#state, left.text));
  }

  async #commitLoaded(): Promise<void> {
    await this.#asked;
    await this.#loading?.catch(() => undefined);
    this.#state.phase = 'commit';
    if (this.#state.origin !== 'unknown' || this.#state.held.replaced) await this.save();
    this.#expectAwaited();
  }

  /** JavaScript does not report that a property set on a promise is lost. */
  #expectAwaited(): void {
    const [name] = this.#given === undefined ? [] : Object.keys(this.#given);
    if (name === undefined) return;
    // Report it only once.
    this.#given = undefined;
    throw notAwaited(name);
  }

  /** A handler reads something that depends on the visitor's cookie. */
  wasRead(): void {
    const state = this.#state;
    if (state.varies || !state.options.sendsCookie) return;
    state.varies = true;
    // Immediately, since the handler may send the headers itself.
    varyOnCookie(state.ctx);
  }

  leave(): void {
    if (this.options.autoCommit) this.#end = 'saved';
    if (this.#state.varies) carryVary(this.#state.ctx);
    this.#state.leave();
  }

  /**
   * Called when the session is read. After the last save, changes are lost unless a handler saves them, so watch for
   * them. `settle` is for compat middleware whose handlers work on another object: it copies that object into the
   * session.
   */
  watch(settle?: () => void): void {
    const { ctx, saving } = this.#state;
    // A context may have no response.
    if (this.#end !== 'saved' || wasToldOfLoss || saving === false || ctx.res?.writableEnded !== false) return;
    this.#end = 'watched';
    const before = this.#text();
    ctx.res.once('finish', () => {
      if (this.#isUnsaved(before, settle)) tellOfLoss();
    });
  }

  #isUnsaved(before: string | undefined, settle: (() => void) | undefined): boolean {
    const { held, origin } = this.#state;
    try {
      settle?.();
    } catch {
      // Nothing is lost: the value cannot be a session.
      return false;
    }
    if (held.current === null) return origin === 'stored';
    const text = this.#text();
    if (text === undefined || text === before || origin === 'detached') return false;
    return this.status === 'modified';
  }

  /** The session's text, if JSON can hold it. */
  #text(): string | undefined {
    const { held } = this.#state;
    try {
      return held.current ? held.text(held.current) : undefined;
    } catch {
      return undefined;
    }
  }

  save(): Promise<void> {
    return this.#inTurn(() => saveSession(this.#state));
  }

  regenerate(keepData = false): Promise<Session> {
    return this.#inTurn(async () => {
      if (this.#state.headersSent) throw headersSent('regenerateSession()');
      await regenerate(this.#state, keepData);
      return this.session as Session;
    });
  }

  async regenerateId(): Promise<void> {
    await this.regenerate(true);
  }

  destroy(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state.origin === 'stored') return destroyStored(this.#state);
      this.#state.held.destroy();
      await endFormer(this.#state);
    });
  }

  touch(): Promise<boolean> {
    return this.#inTurn(async () => {
      const session = this.#state.origin === 'stored' ? this.#state.held.take() : null;
      return session !== null && touchSession(this.#state, session);
    });
  }

  reload(): Promise<Session | null> {
    return this.#inTurn(async () => {
      const state = this.#state;
      const { predecessor } = state;
      if (predecessor !== undefined) state.presented = predecessor.id;
      else if (state.origin === 'stored') state.presented = state.token ?? state.id;
      state.origin = 'unknown';
      state.id = state.predecessor = state.lost = undefined;
      state.held.reset();
      await this.load();
      // Unsaved changes are discarded, but a pending login must not continue under the old id.
      if (predecessor !== undefined && (state.origin as Origin) !== 'new')
        await regenerate(state, predecessor.keepsData);
      return this.session as Session | null;
    });
  }

  update<T>(fn: (session: Session) => T | Promise<T>): Promise<T> {
    if (typeof fn !== 'function') return Promise.reject(expected('fn', 'a function that changes the session', fn));
    return this.#inTurn(() => {
      this.#state.held.give();
      return updateSession(this.#state, fn);
    });
  }

  /** Runs operations that write one after the other, each on the session that the previous one left. */
  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#state.isInHook) return Promise.reject(nested());
    // In a later turn, so that a listener that runs meanwhile must wait for its turn.
    const turn = (this.#turn ?? Promise.resolve()).then(() => this.#run(work));
    const clear = () => {
      if (this.#turn === ended) this.#turn = undefined;
    };
    const ended: Promise<unknown> = turn.then(clear, clear);
    this.#turn = ended;
    return turn;
  }

  async #run<T>(work: () => T | Promise<T>): Promise<T> {
    const loading = this.load();
    if (loading !== undefined) await loading;
    const { unread } = this.#state;
    if (unread !== undefined) readRecord(this.#state, unread);
    return work();
  }
}

let wasToldOfLoss = false;

function tellOfLoss(): void {
  if (wasToldOfLoss) return;
  wasToldOfLoss = true;
  process.emitWarning(
    'Something was set on `ctx.session` after the session had been saved, and is lost. ' +
      'Set it in a middleware after the session middleware, or `await ctx.saveSession()` afterwards.',
    { code: 'KOA_EVENTED_SESSION_TOO_LATE' },
  );
}

function nested(): SessionError {
  return new SessionError(
    'ERR_SESSION_NESTED',
    'A function that the session calls (valid, beforeSave, genSid, errorHandler, update) cannot save, end or update that session itself: it would wait for itself. Change the session passed to it instead, which is saved afterwards.',
  );
}

function notAwaited(name: string): SessionError {
  return new SessionError(
    'ERR_SESSION_DEFERRED',
    `With \`defer\`, ctx.session is a promise, and \`${name}\` was set on the promise and is lost: use \`const session = await ctx.session\`, then \`session.${name} = …\``,
  );
}
