import { randomUUID } from 'node:crypto';
import type Koa from 'koa';
import { type ResolvedOptions, resolveOptions, type Session, type SessionShape, Store } from '../../index';
import { idStore } from './ids';
import { ttlOf } from './lifetime';
import type { Options } from './options';
import { clientOf } from './store-client';
import type { Session as KoaSession, SessionOptions, SessionRecord } from './types';

/** What the engine asks of a request's session. */
type RequestOf = (ctx: Koa.Context) => SessionShape & { readonly options: SessionOptions };

/** The engine's options for sessions in a store, or in instances of a class of stores. */
export function inStore(backing: object, options: Options, requestOf: RequestOf): ResolvedOptions {
  const { beforeSave, prefix = '' } = options;
  const { genid = () => prefix + randomUUID() } = options;
  return Object.freeze({
    ...resolveOptions({
      key: options.key,
      autoCommit: options.autoCommit,
      store: new Store(clientOf(backing), { prefix: '', ttl: (session: Session) => ttlOf(session as SessionRecord) }),
      sessionIdStore: idStore((ctx) => requestOf(ctx).options),
      genSid() {
        return genid(this);
      },
      beforeSave: beforeSave && ((ctx, session) => beforeSave(ctx, session as unknown as KoaSession)),
    }),
    sendsCookie: options.externalKey === undefined,
    shapeOf: requestOf,
    clearsAlways: true,
  });
}
