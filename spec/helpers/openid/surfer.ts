import { type IncomingHttpHeaders, type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { text } from 'node:stream/consumers';
import { CookieJar } from 'tough-cookie';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  /** What was asked for last, after the redirects. */
  readonly url: string;
}

interface How {
  /** Whether to follow redirects. Default: true. */
  follow?: boolean;
  /** Stops before an address: the answer then has its `url` alone. */
  until?: (url: string) => boolean;
}

/** Goes from site to site like a browser, follows redirects, and believes every certificate. */
export interface Surfer {
  cookies(url: string): string;
  get(url: string, headers?: Record<string, string>, how?: How): Promise<Answer>;
  /** Sends a form. */
  post(url: string, body?: string, how?: How): Promise<Answer>;
}

export function surfer(): Surfer {
  const jar = new CookieJar();

  async function ask(method: string, url: string, body = '', given: object = {}, how: How = {}): Promise<Answer> {
    if (how.until?.(url)) return { status: 0, text: '', headers: {}, url };
    const form = method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const headers = { cookie: jar.getCookieStringSync(url), ...form, ...given };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.startsWith('https:') ? secure : plain;
      send(url, { method, headers, rejectUnauthorized: false, agent: false }, resolve).once('error', reject).end(body);
    });
    for (const line of response.headers['set-cookie'] ?? []) jar.setCookieSync(line, url, { ignoreError: true });
    const { statusCode: status = 0, headers: heard } = response;
    const answer = { status, text: await text(response), headers: heard, url };
    if (heard.location === undefined || how.follow === false) return answer;
    return ask('GET', new URL(heard.location, url).href, '', {}, how);
  }

  return {
    cookies: (url) => jar.getCookieStringSync(url),
    get: (url, headers, how) => ask('GET', url, '', headers, how),
    post: (url, body, how) => ask('POST', url, body, {}, how),
  };
}
