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

/** The part of a request's session that the engine uses. */
type RequestOf = (ctx: Koa.Context) => SessionCodec & { readonly options: SessionOptions };

/** The engine's options: for a store, a class of stores, or, with neither, the cookie. */
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
    // The id store decides what is sent. `secure` satisfies the rules for names such as `__Host-sid`.
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

/** The engine's options for a request with its own store. */
export function engineOptionsOn(
  store: ExternalStore,
  engine: SessionSettings,
  { timeout }: Pick<Options, 'timeout'>,
): SessionSettings {
  return Object.freeze({ ...engine, store: storeOn(clientOfRequest(store), timeout) });
}

/** `timeout` limits both waits: for an answer, and for the connection. */
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
