// An application in TypeScript, compiled to CommonJS or ES modules. The Session of all consumers is augmented here.

import type { AddressInfo } from 'node:net';
import { Router } from '@koa/router';
import Koa from 'koa';
import session, {
  MemoryStore,
  type Session,
  type SessionEndedEvent,
  SessionError,
  type SessionOptions,
  Store,
  type UserSession,
} from 'koa-evented-session';

declare module 'koa-evented-session' {
  interface Session {
    user?: { name: string };
    views?: number;
  }
}

const options: SessionOptions = { store: new Store(new MemoryStore(), { prefix: 'shop:sess:' }), rolling: true };
const sessions = session(options);
sessions.store.on('disconnect', () => console.log('gone'));

const app = new Koa();
app.keys = ['the secret of the specs, of more than 32 bytes'];
app.on('error', (error) => console.log(error instanceof SessionError && error.code));
app.use(sessions);
app.use(async (ctx, next) => {
  const user: { name: string } | undefined = ctx.session?.user;
  const stored: Session | null = ctx.session;
  if (user && stored) await ctx.regenerateSession({ keepData: true });
  await next();
});

const router = new Router();
router.get('/', (ctx) => {
  if (!ctx.session) return;
  const views: number = (ctx.session.views ?? 0) + 1;
  ctx.session.views = views;
  ctx.body = `views: ${views}`;
});
router.get('/logout', (ctx) => {
  const id: string = ctx.sessionId;
  ctx.session = null;
  ctx.body = `bye ${id}`;
});
app.use(router.routes());

// Contexts of an application's own have the session too.
const typed = new Koa<{ started: number }, { tenant: string }>();
typed.use((ctx) => {
  const user: { name: string } | undefined = ctx.session?.user;
  ctx.body = `${ctx.tenant} ${ctx.state.started} ${user?.name}`;
});
const typedRouter = new Router<{ started: number }, { tenant: string }>();
typedRouter.post('/buy', async (ctx) => {
  const user: { name: string } | undefined = await ctx.sessionHandler.update((stored) => stored.user);
  ctx.body = `${ctx.tenant} ${user?.name}`;
});

// `of` takes what `user` returns.
const perName = session({ user: (stored) => stored.user?.name, maxPerUser: { limit: 5, exceeded: 'refuse' } });
const perNumber = session({ user: (stored) => stored.views ?? null });
app.on('session:ended', ({ key, reason }: SessionEndedEvent) => console.log(key, reason));
export async function showSessions(ctx: Koa.Context): Promise<string[]> {
  const mine: UserSession[] = await perName.of('Ann').list(ctx);
  for await (const one of perNumber.of(5)) mine.push(one);
  const ended: number = await perNumber.of(5).endOthers(ctx);
  const began: Date | undefined = ctx.sessionHandler.createdAt;
  return [...mine.map(({ handle, createdAt }) => `${handle} ${createdAt.getTime()}`), `${ended} ${began?.getTime()}`];
}

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
