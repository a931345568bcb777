import type Koa = require('koa');

import { ContextSession, type ResolvedOptions, type RunningSession } from '../../index';
import { showSession } from './shown-session';

/** The session of one request: `ctx.session` is the data, and `ctx.sessionHandler` asks for a new id. */
export class RequestSession implements RunningSession {
  readonly #ctx: Koa.Context;
  readonly #session: ContextSession;
  /** Takes over what the handlers have left on ctx. */
  #settle: (() => void) | undefined;
  #renewsId = false;

  constructor(ctx: Koa.Context, options: ResolvedOptions) {
    this.#ctx = ctx;
    this.#session = new ContextSession(ctx, options, undefined);
  }

  start(): Promise<void> | undefined {
    const loading = this.#session.load();
    return loading === undefined ? this.#show() : loading.then(() => this.#show());
  }

  async commit(): Promise<void> {
    this.#settle?.();
    // The id is renewed at the end, however often and early it was asked for.
    const isDue = this.#renewsId && (!this.#session.isNew || this.#session.isDetached);
    if (isDue) await this.#session.regenerateId();
    await this.#session.commit();
  }

  leave(): void {
    this.#session.leave();
  }

  #show(): undefined {
    this.#settle = showSession(this.#ctx, this.#session);
    const sessionHandler = {
      regenerateId: () => {
        this.#renewsId = true;
      },
    };
    Object.assign(this.#ctx, { sessionHandler });
  }
}
