import { channel } from 'node:diagnostics_channel';
import type { EndReason } from './types';

/**
 * A message of the diagnostics channel `koa-evented-session:session`: an event of an application. Holds neither ids nor
 * data nor users.
 */
export interface SessionMessage {
  /** The name of the event: `session:created` and so on. */
  readonly event: `session:${string}`;
  /** The prefix of the store's keys. */
  readonly prefix: string;
  /**
   * Why a session has ended. Of all messages about the end of one session, exactly one has a reason; no other message
   * has.
   */
  readonly reason: EndReason | undefined;
  /** Whether the session goes on under a new id with its data: such a `session:created` does not add a session. */
  readonly continued: boolean;
}

const sessions = channel('koa-evented-session:session');

/** Tells subscribers of the channel about an event. */
export function tellOfSession(event: `session:${string}`, prefix: string, reason?: EndReason, continued = false): void {
  if (!sessions.hasSubscribers) return;
  const message: SessionMessage = { event, prefix, reason, continued };
  sessions.publish(message);
}
