import { connect, type Socket } from 'node:net';

export interface RawReply {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: string;
}

/** A connection that sends requests byte by byte, one after the other, and reconnects if the server hangs up. */
export class KeepAlive {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = '';
  #settle: ((closed: boolean) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request's text, one byte per character. The reply must state its length. */
  async send(requestText: string): Promise<RawReply> {
    this.#received = '';
    const socket = this.#connected();
    const reply = new Promise<RawReply>((resolve, reject) => {
      this.#settle = (closed) => {
        const found = complete(this.#received, closed);
        if (found) resolve(found);
        else if (closed) reject(new Error(`The server hung up after ${JSON.stringify(this.#received)}`));
      };
    });
    socket.write(requestText, 'latin1');
    return reply;
  }

  close(): void {
    this.#settle = undefined;
    this.#socket?.destroy();
  }

  #connected(): Socket {
    if (this.#socket && !this.#socket.destroyed && this.#socket.writable) return this.#socket;
    const socket = connect({ port: this.#port, host: '127.0.0.1' }).setEncoding('latin1').setNoDelay(true);
    this.#socket = socket;
    socket.on('data', (chunk: string) => {
      if (this.#socket !== socket) return;
      this.#received += chunk;
      this.#settle?.(false);
    });
    // Whatever ends a connection, what came before counts.
    socket
      .on('error', () => undefined)
      .on('close', () => {
        if (this.#socket !== socket) return;
        this.#socket = undefined;
        this.#settle?.(true);
      });
    return socket;
  }
}

/** The reply, once it is complete; one without a length ends when the server hangs up. */
function complete(text: string, closed: boolean): RawReply | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const length = head.match(/^content-length: (\d+)/im)?.[1];
  const hangsUp = /^connection: close/im.test(head);
  const isWhole = hangsUp ? closed : body.length >= Number(length ?? 0);
  return isWhole ? { status: Number(head.slice(9, 12)), head, body } : undefined;
}
