import type { IncomingMessage } from 'node:http';
import { nextTurn } from '../base/turns';

/** Turns that others get before the connection is read again. */
const TURNS = 4;

/**
 * Node reads up to 2 MB of requests from a connection before it looks at another: reads this one a little later, so that a visitor who
 * sends thousands of them at once does not keep the others waiting.
 */
export function readLater({ httpVersionMajor, socket }: IncomingMessage): void {
  // HTTP/2 has a flow control of its own; what is paused already is somebody else's to resume.
  if (httpVersionMajor !== 1 || typeof socket?.isPaused !== 'function' || socket.isPaused()) return;
  socket.pause();
  void resume(socket);
}

async function resume(socket: IncomingMessage['socket']): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  socket.resume();
}
