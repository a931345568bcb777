import Koa from 'koa';

import minimal = require('../../../lib/koa-session-minimal');

import { type Served, serve } from '../../helpers/http/serve';
import { MapClient } from '../../helpers/stores/map-client';
import { interop } from '../../interop';

export type Make = (options?: minimal.SessionOptions) => Koa.Middleware;

/** A context as @types/koa-session-minimal has it. */
export type MinimalContext = Omit<Koa.Context, 'session' | 'sessionHandler'> & {
  // biome-ignore lint/suspicious/noExplicitAny: so it is there
  session: any;
  sessionHandler: { regenerateId(): void };
};

export type Routes = Record<string, (ctx: MinimalContext) => unknown>;

export const peer = interop('koa-session-minimal') as Make;
export const ours: Make = minimal;

export interface Answered {
  status: number;
  text: string;
  setCookie: string[];
  /** When the answer was made, in milliseconds. */
  at: number;
}

/** Keeps what it is sent, without regard to path, domain and TLS. */
export interface Visitor {
  readonly cookies: Map<string, string>;
  go(path: string, cookie?: string): Promise<Answered>;
}

export interface MinimalSite extends Served {
  readonly app: Koa;
  readonly errors: unknown[];
  visitor(): Visitor;
}

const open = new Set<Served>();
afterEach(async () => {
  await Promise.all([...open].map((site) => site.close()));
  open.clear();
});

/** Serves an application with the middleware in front of these routes, until the test ends. */
export async function openMinimal(middleware: Koa.Middleware, routes: Routes, App = Koa): Promise<MinimalSite> {
  const app = new App();
  app.keys = ['a key that neither signs with'];
  const errors: unknown[] = [];
  app.on('error', (error) => errors.push(error));
  app.use(middleware);
  app.use(async (ctx) => {
    const result = await routes[ctx.path]?.(ctx as unknown as MinimalContext);
    ctx.body = JSON.stringify(result ?? null);
  });
  const served = await serve(app);
  open.add(served);
  return { ...served, app, errors, visitor: () => visitorOf(served.url) };
}

function visitorOf(url: string): Visitor {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async go(path, cookie = [...cookies].map((pair) => pair.join('=')).join('; ')) {
      const response = await fetch(url + path, { headers: cookie ? { cookie } : {} });
      const text = await response.text();
      const setCookie = response.headers.getSetCookie();
      for (const line of setCookie) keep(cookies, line);
      return { status: response.status, text, setCookie, at: Date.parse(String(response.headers.get('date'))) };
    },
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [name = '', value = ''] = line.split(';', 1)[0]?.split('=', 2) ?? [];
  if (value === '') cookies.delete(name);
  else cookies.set(name, value);
}

/** Notes every call that it gets. */
export class NotingClient extends MapClient {
  readonly calls: unknown[][] = [];

  override async get(key: string) {
    this.calls.push(['get', key]);
    return super.get(key);
  }

  override async set(key: string, session: never, ttl: number) {
    this.calls.push(['set', key, JSON.stringify(session), ttl]);
    return super.set(key, session, ttl);
  }

  override async destroy(key: string) {
    this.calls.push(['destroy', key]);
    return super.destroy(key);
  }
}

/** Numbers ids in the order in which they occur, so that two runs look alike. */
export function idNames(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) =>
    text.replace(/[\w-]{24,}/g, (id) => {
      if (!names.has(id)) names.set(id, `id ${names.size + 1}`);
      return names.get(id) as string;
    });
}

/** A Set-Cookie line with its end in minutes from the answer on, and without the Max-Age that only ours has. */
export function timeless(line: string, at: number): string {
  return line.replace(/; max-age=\d+/, '').replace(/expires=([^;]+)/, (_, date: string) => {
    const minutes = Math.round((Date.parse(date) - at) / 60_000);
    return minutes < -1000 ? 'expired' : `expires in ${minutes} min`;
  });
}
