import type Koa = require('koa');

import { randomUUID } from 'node:crypto';
import {
  resolveOptions,
  type Session,
  type SessionCodec,
  type SessionSettings,
  type SessionStore,
  Store,
} from '../../middleware/engine';
import { cookieClient } from './cookie-client';
import { inCookie, outsideCookie } from './ids';
import { ttlOf } from './lifetime';
import type { Options } from './options';
import { clientOf, clientOfRequest } from './store-client';
import type { ExternalStore, Session as KoaSession, SessionOptions, SessionRecord } from './types';

/** What the engine asks of a request's session. */
type RequestOf = (ctx: Koa.Context) => SessionCodec & { readonly options: SessionOptions };

/** The engine's options for sessions in a store, or in the stores of a class; without either they are in the cookie. */
export function engineOptions(
  backing: object | undefined,
  live: { readonly current: Options },
  requestOf: RequestOf,
): SessionSettings {
  const { key, externalKey, timeout } = live.current;
  const isOutside = backing !== undefined && externalKey !== undefined;
  const optionsOf = (ctx: Koa.Context) => requestOf(ctx).options;
  const beforeSave = (ctx: Koa.Context, session: Session) =>
    optionsOf(ctx).beforeSave?.(ctx, session as unknown as KoaSession);
  const given = {
    key,
    // The id store decides what is sent; TLS keeps browsers' rules for names with a prefix.
    cookie: { secure: true },
    sessionIdStore: isOutside ? outsideCookie(optionsOf) : inCookie(optionsOf),
    ...(backing === undefined ? { store: cookieClient, ttl } : inStore(backing, timeout, optionsOf)),
  };
  return resolveOptions(given, {
    get autoCommit() {
      return live.current.autoCommit;
    },
    get beforeSave() {
      return live.current.beforeSave && beforeSave;
    },
    sendsCookie: !isOutside,
    shapeOf: requestOf,
    clearsAlways: true,
  });
}

/** The engine's options for a request whose store was made for it. */
export function engineOptionsOn(
  store: ExternalStore,
  engine: SessionSettings,
  { timeout }: Pick<Options, 'timeout'>,
): SessionSettings {
  return Object.freeze({ ...engine, store: storeOn(clientOfRequest(store), timeout) });
}

/** `timeout` bounds all waiting: for an answer, and for a connection. */
function storeOn(client: SessionStore, timeout: number | undefined): Store {
  return new Store(client, { prefix: '', ttl, timeout, reconnectTimeout: timeout });
}

function inStore(backing: object, timeout: number | undefined, optionsOf: (ctx: Koa.Context) => SessionOptions) {
  return {
    store: storeOn(clientOf(backing), timeout),
    genSid(this: Koa.Context) {
      const { genid, prefix = '' } = optionsOf(this);
      return genid === undefined ? prefix + randomUUID() : genid(this);
    },
  };
}

function ttl(session: Session): number {
  return ttlOf(session as SessionRecord);
}
