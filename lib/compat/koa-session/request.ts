import type Koa = require('koa');

import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExternalStore, SessionOptions } from './types';

/** What a store is told of the request that asks. */
export interface StoreRequest {
  readonly ctx: Koa.Context;
  readonly options: SessionOptions;
  readonly store: ExternalStore | undefined;
  /** The session's text where it is written though nobody has changed it. */
  readonly unchanged: string | undefined;
}

/** The request on whose behalf a store is asked: clients are given keys and records only. */
export const requests = new AsyncLocalStorage<StoreRequest>();
