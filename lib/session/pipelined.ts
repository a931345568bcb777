import type { IncomingMessage } from 'node:http';
import { nextTurn } from '../base/turns';

/** Turns for other connections before this one is read again. */
const TURNS = 4;

/**
 * Node reads up to 2 MB of requests from one connection before it looks at another. Reads this one later, so that a
 * visitor who sends thousands of requests at once does not delay the others.
 */
export function readLater({ httpVersionMajor, socket }: IncomingMessage): void {
  // HTTP/2 has its own flow control, and only the code that paused a socket may resume it.
  if (httpVersionMajor !== 1 || typeof socket?.isPaused !== 'function' || socket.isPaused()) return;
  socket.pause();
  void resume(socket);
}

async function resume(socket: IncomingMessage['socket']): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  socket.resume();
}
