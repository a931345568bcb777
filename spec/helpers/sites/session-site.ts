import Koa from 'koa';

import session = require('../../../lib/main');

import { type Browser, browser, type Reply, type Served, serve } from '../http/serve';

/** Handlers by path. What one returns is sent as JSON. */
export type Routes = Record<string, (ctx: Koa.Context) => unknown>;

/** An event of the application, the context left out. */
export interface Heard {
  name: string;
  key: string | undefined;
  value: unknown;
}

export interface SiteSetup {
  /** Default: Koa 3. */
  Koa?: typeof Koa | undefined;
  /** The session middleware, or several that follow each other. */
  use: Koa.Middleware | Koa.Middleware[];
  routes?: Routes | undefined;
  /** Default: two keys. */
  keys?: string[] | undefined;
}

export interface Site extends Served {
  readonly app: Koa;
  /** What Koa reported, the usual work of its log. */
  readonly errors: Error[];
  readonly heard: Heard[];
  /** The names in `heard`. */
  events(): string[];
  /** A new visitor, with a separate cookie jar. */
  visitor(): Browser;
}

/** Long enough to cause no warning. */
export const SITE_KEYS = ['the new key of the sites, of 37 bytes', 'the old key of the sites, of 37 bytes'] as const;

const EVENTS = [
  'created',
  'saved',
  'destroyed',
  'regenerated',
  'missed',
  'invalid',
  'expired',
  'conflict',
  'gone',
  'reused',
  'ended',
];

/**
 * Serves a site with sessions: beside the given routes, `/put?name=value` sets keys, `/see` shows the data, `/idle`
 * does not use the session, and `/logout` sets it to null.
 */
export async function openSite(setup: SiteSetup): Promise<Site> {
  const app = new (setup.Koa ?? Koa)();
  app.keys = setup.keys ?? [...SITE_KEYS];
  const errors: Error[] = [];
  app.on('error', (error: Error) => errors.push(error));
  const heard: Heard[] = [];
  for (const name of EVENTS) {
    app.on(`session:${name}`, ({ key, value }: session.SessionEvent) =>
      heard.push({ name: `session:${name}`, key, value }),
    );
  }
  for (const middleware of [setup.use].flat()) app.use(middleware);
  app.use(answer({ ...ROUTES, ...setup.routes }));
  const served = await serve(app);
  return {
    ...served,
    app,
    errors,
    heard,
    events: () => heard.map(({ name }) => name),
    visitor: () => browser(served.url),
  };
}

/** The session in either mode; a handler that calls this expects to have one. */
export async function sessionOf(ctx: Koa.Context): Promise<session.Session> {
  const current = await ctx.session;
  if (current) return current;
  throw new Error(`Expected a session, got ${current}`);
}

/** What the application keeps in a session: all but the cookie. */
export function dataOf(value: unknown): Record<string, unknown> | null {
  if (!value) return null;
  const { cookie: _, ...data } = value as Record<string, unknown>;
  return data;
}

/** The handlers' middleware. */
export function answer(routes: Routes): Koa.Middleware {
  return async (ctx, next) => {
    const route = routes[ctx.path];
    if (route === undefined) return next();
    const result = await route(ctx);
    if (ctx.respond === false || ctx.headerSent) return;
    ctx.type = 'json';
    ctx.body = JSON.stringify(result ?? null);
  };
}

/** The Set-Cookie line of a cookie, if the reply has one. */
export function setCookieOf(reply: Reply, name = 'koa.sid'): string | undefined {
  return reply.setCookie.find((line) => line.startsWith(`${name}=`));
}

/** The session id that a reply sends: `''` if it clears one, `undefined` if it sends none. */
export function sentId(reply: Reply, name = 'koa.sid'): string | undefined {
  return setCookieOf(reply, name)
    ?.slice(name.length + 1)
    .split(';', 1)[0];
}

/** The Cookie header that a browser would answer a reply with, whatever domain and path its cookies are for. */
export function cookieHeader(reply: Reply): string {
  return reply.setCookie.map((line) => line.split(';', 1)[0]).join('; ');
}

const ROUTES: Routes = {
  '/put': async (ctx) => {
    Object.assign(await sessionOf(ctx), ctx.query);
  },
  '/see': async (ctx) => dataOf(await ctx.session),
  '/idle': () => 'idle',
  '/logout': (ctx) => {
    ctx.session = null;
  },
};
