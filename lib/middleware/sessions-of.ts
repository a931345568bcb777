import type Koa = require('koa');

import type { EventEmitter } from 'node:events';
import { expected } from '../base/expect';
import { tellOfSession } from '../base/session-channel';
import type { Application } from '../base/types';
import { givenUser } from '../persistence/whose';
import type { ContextSession } from '../session/context-session';
import type { SessionSettings } from '../session/settings';
import { type IndexedSessions, type IndexOptions, indexAll } from '../users/indexing';
import type { UserRules } from '../users/rules';
import { UserSessions } from '../users/sessions';

export type { UserSessions } from '../users/sessions';

/**
 * The sessions of a user.
 *
 * @throws TypeError
 */
export function sessionsOf(
  user: unknown,
  settings: SessionSettings,
  sessionIn: (ctx: Koa.Context) => ContextSession | undefined,
  app: () => Application | undefined,
): UserSessions {
  const rules = given(settings.users);
  const name = givenUser(user);
  return new UserSessions(name, rules, {
    handlesIn: (ctx) => own(ctx).handlesFor(name),
    exempt: (ctx) => own(ctx).exempt(name),
    logOut: (ctx) => own(ctx).logOut(name),
    ended: (key, value, handle) => {
      // First, since a listener of the event may throw.
      rules.store.endings?.announce(handle, 'user');
      tellOfSession('session:ended', rules.store.prefix, 'user');
      (app() as Partial<EventEmitter> | undefined)?.emit?.('session:ended', {
        ctx: undefined,
        key,
        value,
        reason: 'user',
      });
    },
  });

  function own(ctx: Koa.Context): ContextSession {
    const session = (ctx as Koa.Context | null | undefined) && sessionIn(ctx);
    // Another middleware's session has another store, and perhaps another rule for users.
    if (session?.options === settings) return session;
    throw expected('ctx', 'the context of a request that this middleware handles', ctx);
  }
}

/** Lists all sessions in the indexes of their users. Rejects with a TypeError without `user`, or if the store cannot list its records. */
export async function indexSessions(
  { users }: SessionSettings,
  options?: IndexOptions | null,
): Promise<IndexedSessions> {
  return indexAll(given(users), options);
}

/** @throws TypeError */
function given(users: UserRules | undefined): UserRules {
  if (users !== undefined) return users;
  throw new TypeError('Expected the option `user` to be given, which tells whose a session is: `session({ user })`');
}
