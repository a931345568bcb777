import type Koa = require('koa');

import {
  type CallbackSession,
  ContextSession,
  type RunningSession,
  type SessionSettings,
} from '../../middleware/engine';
import { type ShownSession, showSession } from './shown-session';

/** The session of one request: `ctx.session` is the data, and `ctx.sessionHandler` asks for a new id. */
export class RequestSession implements RunningSession, CallbackSession {
  readonly options: SessionSettings;
  readonly #ctx: Koa.Context;
  readonly #session: ContextSession;
  #shown: ShownSession | undefined;
  #renewsId = false;

  constructor(ctx: Koa.Context, options: SessionSettings) {
    this.options = options;
    this.#ctx = ctx;
    this.#session = new ContextSession(ctx, options, undefined);
  }

  start(): Promise<void> | undefined {
    const loading = this.#session.load();
    return loading === undefined ? this.#show() : loading.then(() => this.#show());
  }

  get session(): unknown {
    return this.#ctx.session;
  }

  async save(): Promise<void> {
    this.#shown?.settle();
    await this.#session.save();
  }

  async regenerate(): Promise<void> {
    await this.#session.regenerate();
    this.#shown?.showAnew();
  }

  async commit(): Promise<void> {
    this.#shown?.settle();
    // The id changes once, at the end, however early and often handlers ask.
    const isDue = this.#renewsId && (!this.#session.isNew || this.#session.isDetached);
    if (isDue) await this.#session.regenerateId();
    await this.#session.commit();
  }

  leave(): void {
    this.#session.leave();
  }

  #show(): undefined {
    this.#shown = showSession(this.#ctx, this.#session);
    const sessionHandler = {
      regenerateId: () => {
        this.#renewsId = true;
      },
    };
    Object.assign(this.#ctx, { sessionHandler });
  }
}
