import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { CookieJar } from 'tough-cookie';

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** The raw Set-Cookie lines, in order. */
  readonly setCookie: string[];
  json<T = unknown>(): T;
}

export interface Browser {
  readonly jar: CookieJar;
  /** A `cookie` header given here is sent as it is, in place of what the jar holds. */
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  /** Sends a string as it is and anything else as JSON. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
}

/** Serves a Koa app of either version on a free port. */
export async function serve(app: { callback(): RequestListener }): Promise<Served> {
  const server = createServer(app.callback());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Keeps cookies like a browser does, and follows no redirects. */
export function browser(url: string, jar = new CookieJar()): Browser {
  const request: Browser['request'] = async (method, path, body, given = {}) => {
    const target = new URL(path, url).href;
    const headers = new Headers(given);
    const cookies = await jar.getCookieString(target);
    if (cookies && !headers.has('cookie')) headers.set('cookie', cookies);
    if (body !== undefined && typeof body !== 'string' && !headers.has('content-type')) {
      headers.set('content-type', 'application/json');
    }
    const response = await fetch(target, { method, headers, redirect: 'manual', ...payload(body) });
    const text = await response.text();
    const setCookie = response.headers.getSetCookie();
    for (const line of setCookie) await jar.setCookie(line, target, { ignoreError: true });
    return { status: response.status, text, headers: response.headers, setCookie, json: () => JSON.parse(text) };
  };
  return {
    jar,
    request,
    get: (path, headers) => request('GET', path, undefined, headers),
    post: (path, body, headers) => request('POST', path, body, headers),
  };
}

function payload(body: unknown): { body?: string } {
  if (body === undefined) return {};
  return { body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/**
 * Sends the text as it is, one byte per character, for headers no client would send.
 * The text must ask for `Connection: close`: the reply is complete when the server hangs up.
 */
export function raw(port: number, requestText: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
    });
    socket.once('error', reject).once('close', () => resolve(received));
    socket.end(requestText, 'latin1');
  });
}
