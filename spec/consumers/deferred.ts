// An application that uses `defer` throughout: `ctx.session` is a promise everywhere.
import { Router } from '@koa/router';
import Koa from 'koa';
import session, { type Session } from 'koa-evented-session';

declare module 'koa-evented-session' {
  interface Session {
    user?: { name: string };
  }
  interface SessionTypes {
    defer: true;
  }
}

const app = new Koa();
app.use(session({ defer: true }));
app.use(async (ctx) => {
  const stored: Session | null = await ctx.session;
  const name: string | undefined = stored?.user?.name;
  ctx.session = { user: { name: name ?? 'Ann' } };
  ctx.session = null;
  // @ts-expect-error: it has to be awaited
  ctx.session.user;
  // @ts-expect-error: a user is an object
  if (stored) stored.user = 'Ann';
});

const router = new Router();
router.get('/', async (ctx) => {
  const name: string | undefined = (await ctx.session)?.user?.name;
  ctx.body = name;
  // @ts-expect-error: it has to be awaited
  ctx.session?.user;
});
app.use(router.routes());
