import type Koa = require('koa');

import type { SessionEvent } from '../../middleware/engine';
import type { CreateSessionOptions, ExternalStore } from '../koa-session/types';

/** Logs a format string with its values. */
interface Logger {
  warn(line: string, ...values: unknown[]): void;
}

/** A class of stores, constructed with the application. */
export type StoreClass = new (app: EggApplication) => ExternalStore;

/** `config.session`. Its `store` is the value of `app.sessionStore`. */
export interface EggSessionConfig extends CreateSessionOptions {
  /** Whether to log sessions that have expired or that `valid` refuses. Default: `true`. */
  logValue?: boolean;
}

/** The parts of Egg's application that the plugin uses. */
export interface EggApplication extends Koa {
  config: { env: string; coreMiddleware: string[]; session: EggSessionConfig };
  logger: Logger;
  /** Converts a generator function into one that returns a promise; returns other functions unchanged. */
  toAsyncFunction<F extends (...given: never[]) => unknown>(method: F): F;
}

/** A session event of an Egg application. */
export interface EggSessionEvent extends SessionEvent {
  ctx: SessionEvent['ctx'] & { coreLogger: Logger };
}
