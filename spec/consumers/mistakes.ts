// What the compiler has to refuse. Compiled together with app.ts, which says what a Session holds.
import type Koa from 'koa';
import session, { MemoryStore, type SessionStore, Store } from 'koa-evented-session';

// @ts-expect-error: no such option
session({ stoer: new MemoryStore() });
// @ts-expect-error: milliseconds are a number
session({ ttl: '1 day' });
// @ts-expect-error: a function of the session returns milliseconds
session({ ttl: () => 'soon' });
// @ts-expect-error: no such value
session({ cookie: { sameSite: 'relaxed' } });
// @ts-expect-error: no such attribute
session({ cookie: { maxage: 1000 } });
// @ts-expect-error: a function of the context returns attributes
session({ cookie: (ctx) => ctx.hostname });
// @ts-expect-error: a client has destroy too
session({ store: { get: () => null, set: () => undefined } });
// @ts-expect-error: a Map has no destroy
session({ store: new Map() });
// @ts-expect-error: valid answers yes or no
session({ valid: () => 'yes' });
// @ts-expect-error: an id is a string
session({ genSid: () => 1 });
// @ts-expect-error: no such way out of a conflict
session({ onConflict: 'first-write' });
// @ts-expect-error: an id that travels can be taken back
session({ sessionIdStore: { get: () => 'id', set: () => undefined } });
session({
  errorHandler: (_error, type) => {
    // @ts-expect-error: no such type
    if (type === 'load') throw new Error(type);
  },
});
// @ts-expect-error: no such export
session.Stoer;
// @ts-expect-error: a store needs a client
new Store();
// @ts-expect-error: no such event
session().store.on('disconected', () => undefined);
// @ts-expect-error: the store of a middleware stays
session().store = new Store(new MemoryStore());

const byNumber = session({ user: (stored) => stored.views });
// @ts-expect-error: a user is a number here
byNumber.of('1');
// @ts-expect-error: nobody has sessions
byNumber.of(undefined);
const byName = session({ user: (stored) => stored.user?.name ?? null });
// @ts-expect-error: a user is a string here
byName.of(1);
// @ts-expect-error: nobody has sessions
byName.of(null);
// @ts-expect-error: a session is ended by its handle
byName.of('Ann').end(1);
// @ts-expect-error: the session that stays is that of a context
byName.of('Ann').endOthers();
// @ts-expect-error: no such way out of too many
session({ maxPerUser: { limit: 5, exceeded: 'end-newest' } });

/** @ts-expect-error: a class that implements it has all three */
export class Half implements SessionStore {
  get(): undefined {}
  set(): void {}
}

export function handle(ctx: Koa.Context): void {
  // @ts-expect-error: null once destroyed
  ctx.session.user;
  // @ts-expect-error: misspelled
  ctx.session?.user?.nmae;
  // @ts-expect-error: a user is not a string
  if (ctx.session) ctx.session.user = 'Ann';
  // @ts-expect-error: an undeclared key is unknown
  ctx.session?.basket.length;
  // @ts-expect-error: a session is an object
  ctx.session = 5;
  // @ts-expect-error: an id is a string
  ctx.sessionId = 5;
  // @ts-expect-error: no such choice
  void ctx.regenerateSession({ keepdata: true });
  // @ts-expect-error: the handler's status is read, not set
  ctx.sessionHandler.status = 'modified';
  // @ts-expect-error: the middleware's Store stays
  ctx.sessionStore = new MemoryStore();
}
