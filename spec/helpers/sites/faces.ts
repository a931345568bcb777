import type Koa from 'koa';
import koaSession from '../../../lib/koa-session';
import koaSessionMinimal from '../../../lib/koa-session-minimal';
import session, { MemoryStore } from '../../../lib/main';
import { MapClient } from '../stores/map-client';

/** What a handler of each face does with its session; to all of them `ctx.session` is an object or a promise of one. */
export interface Face {
  use(app: Koa): Koa.Middleware;
  login(ctx: Koa.Context): Promise<unknown>;
}

const regenerateSession = (ctx: Koa.Context) => ctx.regenerateSession();

export const faces: Record<string, Face> = {
  'the main entry': { use: () => session({ store: new MemoryStore() }), login: regenerateSession },
  'the main entry, on a store that only gets and sets': {
    use: () => session({ store: new MapClient() }),
    login: regenerateSession,
  },
  defer: { use: () => session({ store: new MemoryStore(), defer: true }), login: regenerateSession },
  '/koa-session': {
    use: (app) => koaSession({ store: recordsOf() }, app) as unknown as Koa.Middleware,
    login: async (ctx) => (ctx.session as unknown as { regenerate(): Promise<void> }).regenerate(),
  },
  '/koa-session-minimal': {
    use: () => koaSessionMinimal() as unknown as Koa.Middleware,
    login: async (ctx) => ctx.sessionHandler.regenerateId(),
  },
};

/** A store of koa-session's kind. */
function recordsOf() {
  const records = new Map<string, unknown>();
  return {
    get: (key: string) => records.get(key),
    set: (key: string, record: object) => void records.set(key, record),
    destroy: (key: string) => void records.delete(key),
  };
}
