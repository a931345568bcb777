import type Koa = require('koa');

import type { SessionEvent } from '../../middleware/engine';
import type { CreateSessionOptions, ExternalStore } from '../koa-session/types';

/** What takes a line of text and what is to be put into it. */
interface Logger {
  warn(line: string, ...values: unknown[]): void;
}

/** A class of stores, constructed with the application. */
export type StoreClass = new (app: EggApplication) => ExternalStore;

/** `config.session`. Its `store` is what `app.sessionStore` was set to. */
export interface EggSessionConfig extends CreateSessionOptions {
  /** Whether sessions that have expired, or are refused by `valid`, go to the log. Default: `true`. */
  logValue?: boolean;
}

/** What the plugin uses of Egg's application. */
export interface EggApplication extends Koa {
  config: { env: string; coreMiddleware: string[]; session: EggSessionConfig };
  logger: Logger;
  /** Makes a generator function one that returns a promise; others stay as they are. */
  toAsyncFunction<F extends (...given: never[]) => unknown>(method: F): F;
}

/** A session event of an Egg application. */
export interface EggSessionEvent extends SessionEvent {
  ctx: SessionEvent['ctx'] & { coreLogger: Logger };
}
