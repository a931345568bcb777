import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import Koa from 'koa';
import { interop } from '../../interop';
import type { Reply } from '../http/serve';
import { closedAfterTest } from './open-sites';
import { openSite, type Routes, type Site } from './session-site';

/** The answer of a strategy: an error, a user, or no user and the reason. */
type Done = (error: unknown, user?: unknown, info?: { message: string }) => void;

interface Passport {
  use(strategy: object): void;
  serializeUser(serialize: (user: { name: string }, done: Done) => void): void;
  deserializeUser(deserialize: (name: string, done: Done) => void): void;
  initialize(): Koa.Middleware;
  session(): Koa.Middleware;
  authenticate(strategy: string, options: object): Koa.Middleware;
}

/** What koa-passport puts on ctx: a login, and a logout that each version waits for in its own way. */
export interface PassportContext extends Koa.Context {
  login(user: object, options?: object): Promise<void>;
  logout: (...args: unknown[]) => unknown;
  flash(type: string, message?: string): string[];
}

export type PassportVersion = 4 | 5 | 6;

/** Which package each version is installed as. */
const PACKAGES = { 4: 'koa-passport4', 5: 'koa-passport5', 6: 'koa-passport' } as const;

const { Strategy } = interop('passport-local') as { Strategy: new (verify: object) => object };
const flash = interop('koa-better-flash') as () => Koa.Middleware;

/** Each version has separate modules: version 6 changes those of passport, which version 5 may share. */
function packageOf(version: PassportVersion): { KoaPassport: new () => Passport } {
  let found: unknown;
  jest.isolateModules(() => {
    found = interop(PACKAGES[version]);
  });
  return found as { KoaPassport: new () => Passport };
}

function passportOf(version: PassportVersion): Passport {
  const { KoaPassport } = packageOf(version);
  const passport = new KoaPassport();
  const verify = (name: string, password: string, done: Done) =>
    password === 'right' ? done(null, { name }) : done(null, false, { message: 'wrong password' });
  passport.use(new Strategy(verify));
  passport.serializeUser(({ name }, done) => (name === 'unknown' ? done(new Error('no such user')) : done(null, name)));
  passport.deserializeUser((name, done) => done(null, { name }));
  return passport;
}

/** Ends the login as the applications of that version do. */
export async function logOut(ctx: Koa.Context, version: PassportVersion, options: object = {}): Promise<void> {
  const { logout } = ctx as PassportContext;
  if (version === 5) await promisify(logout as (options: object, callback: () => void) => void)(options);
  else await logout(options);
}

/**
 * A site whose visitors log in with Passport. `/login?username=ann&password=right` uses passport-local, `/member` shows
 * the logged-in user and the session, and `/messages` the flash messages.
 */
export async function openPassportSite(
  version: PassportVersion,
  sessions: Koa.Middleware | Koa.Middleware[],
  { routes = {}, options = {}, Koa: App = Koa }: { routes?: Routes; options?: object; Koa?: typeof Koa } = {},
): Promise<Site> {
  const passport = passportOf(version);
  const logIn = (more: object) => passport.authenticate('local', { successRedirect: '/member', ...options, ...more });
  const run = (middleware: Koa.Middleware) => async (ctx: Koa.Context) => {
    await middleware(ctx as never, async () => undefined);
    return ctx.response.is('text') ? ctx.body : null;
  };
  return closedAfterTest(
    openSite({
      Koa: App,
      use: [...[sessions].flat(), flash(), readForm, passport.initialize(), passport.session()],
      routes: {
        '/login': run(logIn({ failureRedirect: '/messages', failureFlash: true })),
        '/login-silently': run(logIn({ failureRedirect: '/messages' })),
        '/login-keeping': run(logIn({ keepSessionInfo: true })),
        '/logout': (ctx) => logOut(ctx, version),
        '/logout-keeping': (ctx) => logOut(ctx, version, { keepSessionInfo: true }),
        '/member': async (ctx) => ctx.state['user']?.name ?? 'nobody',
        '/messages': (ctx) => (ctx.session && 'flash' in ctx.session ? (ctx as PassportContext).flash('error') : []),
        ...routes,
      },
    }),
  );
}

/** Passport looks for the form in `ctx.request.body`. */
async function readForm(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  const body = new URLSearchParams(await text(ctx.req));
  Object.assign(ctx.request, { body: { ...ctx.query, ...Object.fromEntries(body) } });
  await next();
}

/** Whether a reply takes a cookie back. */
export const clears = ({ setCookie }: Reply): boolean => setCookie.some((line) => /^[^=]+=;/.test(line));
