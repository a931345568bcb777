import { LightJar } from '../http/light-requests';

/** What came of one request, for its visitor and for the operators. What differs by chance is not in it. */
export interface Seen {
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
  /** The Set-Cookie lines, without the values. */
  readonly setCookie: string[];
  /** What the session's cookie holds afterwards, as Egg reads it: a session, or `<id>`. */
  readonly cookie: unknown;
  /** What is stored afterwards. */
  readonly records: Record<string, unknown>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly setCookie: string[];
}

interface Around {
  /** What the session's cookie holds. */
  value: string | null;
  records: Record<string, { text: string; ttl: unknown }>;
}

const nobody = { cookie: '' };

/** A visitor of an application of `apps.ts`; sends its cookies whatever their attributes say. */
export class EggVisitor {
  readonly #url: string;
  readonly #jar: LightJar;

  /** @param cookies what the visitor brings along, as in `['name=value']` */
  constructor(url: string, cookies: readonly string[] = []) {
    this.#url = url;
    this.#jar = new LightJar(cookies);
  }

  get cookies(): string[] {
    return this.#jar.header.split('; ');
  }

  /** Asks for a page, and looks around. */
  async see(path: string, headers?: Record<string, string>): Promise<Seen> {
    const { status, text, setCookie } = await this.get(path, headers);
    const { value, records } = await this.ask<Around>('/around');
    const id = value !== null && decoded(value) === undefined ? value : '<none>';
    return {
      path,
      status,
      body: json(text) ?? text.split('\n')[0],
      setCookie: setCookie.map((line) => line.replace(/^([^=]+)=[^;]+/, '$1=<value>')),
      cookie: value && (decoded(value) ?? '<id>'),
      records: Object.fromEntries(
        Object.entries(records).map(([key, { text, ttl }]) => [named(key, id), { session: json(text), ttl }]),
      ),
    };
  }

  /** Starts at this time, with nothing stored. */
  async start(time: number): Promise<void> {
    await this.get(`/start?time=${time}&empty=yes`, nobody);
  }

  /** Goes on at this time; all applications of the process have one clock. */
  async goOn(time: number): Promise<void> {
    await this.get(`/start?time=${time}`, nobody);
  }

  /** What a page says as JSON. */
  async ask<T>(path: string): Promise<T> {
    return JSON.parse((await this.get(path)).text);
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(this.#url + path, { headers: { cookie: this.#jar.header, ...headers } });
    const setCookie = response.headers.getSetCookie();
    this.#jar.take(setCookie);
    return { status: response.status, text: await response.text(), setCookie };
  }
}

/** The content of a session's cookie, if that holds the session itself. */
function decoded(value: string): unknown {
  return json(Buffer.from(value, 'base64').toString());
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stored key, without its random part. */
function named(key: string, id: string): string {
  const uuid = /[0-9a-f]{8}-[0-9a-f-]{27}/;
  return key.replace(id, '<id>').replace(uuid, '<another id>');
}
