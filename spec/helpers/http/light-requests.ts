import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type Koa from 'koa';

/** What there is to know of a response without its body. */
export interface LightReply {
  status: number;
  setCookie: string[];
}

/** All that Koa asks a connection for. */
const connection = { encrypted: false, remoteAddress: '127.0.0.1' } as unknown as Socket;

/** Requests to an application without a network in between: thousands take no time, and nothing waits for a socket. */
export function lightly(app: Koa): (path: string, cookie?: string) => Promise<LightReply> {
  const handle = app.callback();
  return async (path, cookie) => {
    const request = new IncomingMessage(connection);
    Object.assign(request, { method: 'GET', url: path });
    request.headers = { host: 'localhost', ...(cookie ? { cookie } : {}) };
    const response = new ServerResponse(request);
    await handle(request, response);
    return { status: response.statusCode, setCookie: [response.getHeader('set-cookie') ?? []].flat().map(String) };
  };
}

/** A browser's cookies, of one host and one path. */
export class LightJar {
  readonly #cookies = new Map<string, string>();

  constructor(setCookie: readonly string[] = []) {
    this.take(setCookie);
  }

  /** A response has come. */
  take(setCookie: readonly string[]): void {
    for (const line of setCookie) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  get(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** The Cookie header of the next request. */
  get header(): string {
    return [...this.#cookies].map((pair) => pair.join('=')).join('; ');
  }
}
