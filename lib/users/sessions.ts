import type Koa = require('koa');

import { notesOf } from '../base/notes';
import type { IndexMember } from '../base/types';
import { atOnce } from '../base/walk';
import { timesOf } from '../persistence/found-session';
import { eachOnce, handleOf, handleOfKey } from '../persistence/handles';
import { type Alive, readListed } from '../persistence/listing';
import { indexOf } from '../persistence/user-index';
import { endListed, type Told } from './ending';
import type { UserRules } from './rules';

/** A session of a user. */
export interface UserSession {
  /**
   * Identifies the session for `end`, also after it has got a new id with its data. It is a hash that does not lead to
   * the session id.
   */
  handle: string;
  /** When the session began: a new id with the same data does not change it. */
  createdAt: Date;
  /**
   * When the session was last used. Exact with `rolling`. With `renew`, it was used at this time or later; otherwise,
   * this is its last change. If a fixed time ends the session before its ttl has passed, such as `absoluteTimeout`, it
   * was used at this time or later.
   */
  lastSeenAt: Date;
  /** When the session ends if it is not used again. */
  expiresAt: Date;
  /** What the option `device` returned when the session became the user's. */
  device: unknown;
  /** Whether it is the session of the context passed to `list`. */
  isCurrent: boolean;
}

/** What the sessions of a user need from the middleware. */
export interface Host {
  /**
   * The handles of a context's session, including that of the one that it is about to leave; none if it is not the user's.
   */
  handlesIn(ctx: Koa.Context): Promise<readonly string[]>;
  /** The context's request may log in, although "all sessions have ended" is more recent than its beginning. */
  exempt(ctx: Koa.Context): void;
  /** Ends the context's session as a logout does; `false` if it is not stored, or not the user's. */
  logOut(ctx: Koa.Context): Promise<boolean>;
  ended: Told;
}

/** The sessions of one user. Each call to the store has its own time limit. */
export class UserSessions {
  readonly #index: string;
  readonly #rules: UserRules;
  readonly #host: Host;

  constructor(user: string, rules: UserRules, host: Host) {
    this.#index = indexOf(user);
    this.#rules = rules;
    this.#host = host;
  }

  /** The user's sessions, the most recently used first. With `ctx`, `isCurrent` marks the session of that request. */
  async list(ctx?: Koa.Context): Promise<UserSession[]> {
    const current = ctx === undefined ? [] : await this.#host.handlesIn(ctx);
    const sessions: UserSession[] = [];
    for await (const alive of this.#alive()) sessions.push(this.#shown(alive, current));
    return sessions.sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /** The user's sessions one by one, for users with very many. */
  async *[Symbol.asyncIterator](): AsyncGenerator<UserSession, void, undefined> {
    for await (const alive of this.#alive()) yield this.#shown(alive, []);
  }

  /** The number of the user's sessions. */
  async count(): Promise<number> {
    let count = 0;
    for await (const _ of this.#alive()) count += 1;
    return count;
  }

  /** Ends the session with this handle; resolves to `false` if the user has none. */
  async end(handle: string): Promise<boolean> {
    const rules = this.#rules;
    for await (const members of this.#members()) {
      const named = members.find(({ key }) => handleOfKey(key, rules) === handle);
      if (named !== undefined && (await this.#endAll([named])) === 1) return true;
    }
    // A session that has got a new id notes its handle in its record. While it moves, it is stored under both.
    let ended = 0;
    for await (const members of this.#members()) {
      const { alive } = await readListed(members, this.#index, rules);
      const named = alive.filter((one) => handleOf(one, rules) === handle);
      ended += await this.#endAll(named.map(({ member }) => member));
    }
    return ended > 0;
  }

  /**
   * Ends all sessions of the user except that of `ctx`, and resolves to their number.
   *
   * @throws TypeError if the session of `ctx` is not the user's.
   */
  async endOthers(ctx: Koa.Context): Promise<number> {
    const own = await this.#host.handlesIn(ctx);
    if (own.length > 0) return this.#endMarked(own, ctx);
    throw new TypeError('Expected `ctx` to have a session of this user, which stays: use endAll() to end all of them');
  }

  /**
   * Ends all sessions of the user and returns their number. Logins of requests that began before it fail.
   *
   * @param ctx the context of this request, if it logs in again afterwards. If its session is the user's, it ends as by
   *   a logout: `ctx.session` is `null` until `ctx.regenerateSession()`.
   */
  async endAll(ctx?: Koa.Context): Promise<number> {
    return this.#endMarked([], ctx, (context) => this.#host.logOut(context));
  }

  async #endMarked(
    spared: readonly string[],
    ctx: Koa.Context | undefined,
    logOut?: (ctx: Koa.Context) => Promise<boolean>,
  ): Promise<number> {
    // First, so that a login that is not listed yet is refused.
    await this.#rules.index.endedNow(this.#index, this.#rules.store.newBudget());
    let ended = ctx !== undefined && (await logOut?.(ctx)) ? 1 : 0;
    for await (const members of this.#members()) ended += await this.#endAll(members, spared);
    if (ctx !== undefined) this.#host.exempt(ctx);
    return ended;
  }

  /** Ends the listed sessions, and resolves to their number. */
  async #endAll(members: readonly IndexMember[], spared?: readonly string[]): Promise<number> {
    const left: IndexMember[] = [];
    let ended = 0;
    await atOnce(members, async (member) => {
      const outcome = await endListed({ ...member, index: this.#index }, this.#rules, this.#host.ended, spared);
      if (outcome !== 'stays') left.push(member);
      if (outcome === 'ended') ended += 1;
    });
    if (left.length > 0) await this.#rules.index.dismiss(this.#index, left, this.#rules.store.newBudget());
    return ended;
  }

  async *#alive(): AsyncGenerator<Alive, void, undefined> {
    const seen = new Set<string>();
    for await (const members of this.#members()) {
      const { alive } = await readListed(members, this.#index, this.#rules);
      yield* eachOnce(alive, this.#rules, seen);
    }
  }

  #shown({ key, session, ttl }: Alive, current: readonly string[]): UserSession {
    const { createdAt, lastSeenAt, expiresAt } = timesOf(session, ttl, this.#rules);
    const began = createdAt ?? lastSeenAt ?? Date.now();
    const handle = handleOf({ key, session }, this.#rules);
    return {
      handle,
      createdAt: new Date(began),
      lastSeenAt: new Date(lastSeenAt ?? began),
      expiresAt: new Date(expiresAt),
      device: notesOf(Object(session.cookie))?.device,
      isCurrent: current.includes(handle),
    };
  }

  #members(): AsyncGenerator<IndexMember[], void, undefined> {
    return this.#rules.index.members(this.#index, () => this.#rules.store.newBudget());
  }
}
