import type Koa = require('koa');

import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExternalStore, SessionOptions } from './types';

/** What a store learns about the request that calls it. */
export interface StoreRequest {
  readonly ctx: Koa.Context;
  readonly options: SessionOptions;
  readonly store: ExternalStore | undefined;
  /** The session's text, if it is written unchanged. */
  readonly unchanged: string | undefined;
}

/** The request that calls a store: clients receive only keys and records. */
export const requests = new AsyncLocalStorage<StoreRequest>();
