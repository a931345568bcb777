import { createHash } from 'node:crypto';
import type Koa from 'koa';

import session = require('../../../lib/main');

import { closedAfterTest } from '../sites/open-sites';
import { openSite, type Routes, type Site } from '../sites/session-site';
import type { OpenClient } from '../stores/open-clients';

/** One of the settings that the request contract holds in. */
export interface Variant {
  Koa: typeof Koa;
  defer: boolean;
  newClient(): OpenClient;
  /** Whether the store has a record for each session, which a spec finds by the id in the cookie. */
  hasRecords: boolean;
  /** Whether a request notices that another one has changed, moved or ended its session. */
  sharesSessions: boolean;
  /** How the store names sessions. Default: by their ids. */
  ids?: 'hashed';
}

export interface OpenedSite extends Site {
  readonly client: OpenClient;
  readonly middleware: session.SessionMiddleware;
}

export type Open = (
  options?: session.SessionOptions,
  routes?: Routes,
  setup?: { keys?: string[]; before?: Koa.Middleware | undefined; after?: Koa.Middleware; client?: OpenClient },
) => Promise<OpenedSite>;

/** For the cases that need something of the variant: they do not exist in one that lacks it. */
export function casesIf(isCapable: boolean): { it: typeof it } {
  const none = Object.assign(() => undefined, { each: () => () => undefined });
  return { it: isCapable ? it : (none as unknown as typeof it) };
}

/** Opens sites with sessions as the variant has them; each is closed after its test. */
export function siteOpener(variant: Variant): Open {
  return async (options = {}, routes = {}, { keys, before, after, client = variant.newClient() } = {}) => {
    const middleware = session({ store: client, defer: variant.defer, ids: variant.ids, ...options });
    const use = [before, middleware, after].filter((one): one is Koa.Middleware => one !== undefined);
    const site = await closedAfterTest(openSite({ Koa: variant.Koa, use, routes, keys }));
    return { ...site, client, middleware };
  };
}

/** The key of a session id in the store. */
export function keyOf({ ids }: Variant, sid: unknown, prefix = 'koa:sess:'): string {
  return `${prefix}${ids === 'hashed' ? createHash('sha256').update(String(sid)).digest('base64url') : sid}`;
}

/** A visitor who has a session with `user: 'ann'`, and its id. */
export async function member(site: Site): Promise<ReturnType<Site['visitor']> & { sid: string }> {
  const visitor = site.visitor();
  await visitor.get('/put?user=ann');
  return { ...visitor, sid: await cookieOf(visitor, site) };
}

/** The session id in the visitor's cookie jar; `''` if there is none. */
export async function cookieOf(visitor: ReturnType<Site['visitor']>, site: Site, name = 'koa.sid'): Promise<string> {
  const cookies = await visitor.jar.getCookies(site.url);
  return cookies.find(({ key }) => key === name)?.value ?? '';
}
