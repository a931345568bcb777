import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expectFunction } from '../base/expect';
import type { Application, EndReason, SessionEndedEvent, SessionWatch } from '../base/types';
import type { Endings } from '../persistence/endings';
import { locateSession } from '../session/read-session';
import type { SessionSettings } from '../session/settings';

/** What this process has ended in this way is told with the session itself. */
const TOLD_HERE: readonly EndReason[] = ['user', 'limit'];

/** Emits `session:ended` on the application for each session that ends anywhere, until it calls what this returns. */
export function emitEndings(endings: Endings | undefined, app: Application): (() => void) | undefined {
  return endings?.listen(({ handle, isOwn, reason }) => {
    if (isOwn && TOLD_HERE.includes(reason)) return;
    const event: SessionEndedEvent = { ctx: undefined, key: handle, value: undefined, reason };
    const emitter = emitterOf(app);
    void reporting(() => emitter?.emit?.('session:ended', event), emitter);
  });
}

/** Watches the session of a request; `null` if it has none. */
export async function watchSession(
  req: IncomingMessage,
  listener: (reason: EndReason) => void,
  app: Application | undefined,
  options: SessionSettings,
): Promise<SessionWatch | null> {
  const { endings } = options.store;
  if (endings === undefined) {
    throw new TypeError('Expected the option `broadcastEndings` to be `true`, for `sessions.watch()`');
  }
  expectFunction('listener', listener);
  const place = await locateSession(req, app, options);
  if (place === null) return null;
  const stop = endings.watch(place.handle, place.key, (reason) => {
    void reporting(() => listener(reason), emitterOf(app));
  });
  return { handle: place.handle, stop, [Symbol.dispose]: stop };
}

function emitterOf(app: Application | undefined): Partial<EventEmitter> | undefined {
  return app as Partial<EventEmitter> | undefined;
}

/**
 * Runs a listener at once. If it fails, the application emits `error`: neither the other listeners, nor the request that
 * has ended the session, may fail with it.
 */
async function reporting(listen: () => unknown, emitter: Partial<EventEmitter> | undefined): Promise<void> {
  try {
    await listen();
  } catch (error) {
    if (emitter?.emit === undefined) throw error;
    emitter.emit('error', error);
  }
}
