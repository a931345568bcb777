import { once } from 'node:events';
import type Koa from 'koa';
import session, { type SessionOptions, type SessionStore, type StoreError } from '../../../lib/main';
import { type Browser, browser, type Reply } from '../http/serve';
import { closedAfterTest } from './open-sites';
import { dataOf, openSite, type Routes, type Site, sessionOf } from './session-site';

/** How long shops wait for their store, in milliseconds; no request waits longer than the budget. */
export const patience = { reconnectTimeout: 300, timeout: 200 } as const;
export const budget = 300;

/** Time for answers that come, also on a busy machine. */
export const patient = { timeout: 10_000 } as const;

/** What other programs on a busy machine may add to a wait, in milliseconds. A request that waits for the client takes ten seconds or more. */
export const grace = 2500;

/** What an errorHandler was told. */
export interface Told {
  readonly type: string;
  readonly error: StoreError;
}

export interface Shop extends Site {
  readonly use: session.SessionMiddleware;
  /** What the errorHandler received; it returns, so that requests continue. Empty if the shop has none. */
  readonly told: Told[];
}

const routes: Routes = {
  // Tells what it finds before it changes anything.
  '/change': async (ctx) => {
    const current = await sessionOf(ctx);
    const found = dataOf(current);
    current['user'] = 'bob';
    return found;
  },
};

/** A shop whose requests fail with its store. */
export function openShop(store: SessionStore, options: SessionOptions = {}, more: Routes = {}): Promise<Shop> {
  return open({ store, ...patience, ...options }, [], more);
}

/** A shop whose errorHandler gets each failure and lets the request continue. */
export function openCalmShop(store: SessionStore, options: SessionOptions = {}, more: Routes = {}): Promise<Shop> {
  const told: Told[] = [];
  const errorHandler = (error: Error, type: string) => void told.push({ type, error: error as StoreError });
  return open({ store, ...patience, errorHandler, ...options }, told, more);
}

/** Resolves once the next request has come as far as it can without its store. */
export async function arrival(shop: Site): Promise<void> {
  await once(shop.app, 'arrival');
}

const announce: Koa.Middleware = (ctx, next) => {
  const done = next();
  setImmediate(() => ctx.app.emit('arrival'));
  return done;
};

async function open(options: SessionOptions, told: Told[], more: Routes): Promise<Shop> {
  const use = session(options);
  const site = await openSite({ use: [announce, use], routes: { ...routes, ...more } });
  const close = () => Promise.all([site.close(), use.close()]).then(() => undefined);
  const shop = { ...site, close, use, told };
  await closedAfterTest(Promise.resolve(shop));
  return shop;
}

/** The same person at another shop: the shops have their host and with it their cookies in common. */
export function at(shop: Site, visitor: Browser): Browser {
  return browser(shop.url, visitor.jar);
}

export interface Timed {
  readonly reply: Reply;
  readonly ms: number;
}

export async function timed(asking: Promise<Reply>): Promise<Timed> {
  const start = performance.now();
  const reply = await asking;
  return { reply, ms: performance.now() - start };
}

/** What is worth knowing of a StoreError. */
export function summary(error: Error): object {
  const { name, code, operation, cause } = error as StoreError;
  return { name, code, operation, cause };
}
