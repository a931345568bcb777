import { connect } from 'node:net';
import { MemoryStore, type SessionError } from '../../lib/main';
import { member } from '../helpers/requests/variant';
import { siteWith } from '../helpers/sites/open-sites';
import { sessionOf } from '../helpers/sites/session-site';
import { gate } from '../helpers/time/gate';
import { until } from '../helpers/time/until';

/** A MemoryStore that answers a little later, like a database, and counts what it is asked for. */
class LateStore extends MemoryStore {
  readonly calls = { load: 0, swap: 0 };
  /** Which load gets no answer, if one does. */
  unanswered = 0;
  /** What swaps wait for. */
  open: Promise<unknown> = Promise.resolve();

  override load(...args: Parameters<MemoryStore['load']>): never {
    this.calls.load += 1;
    if (this.calls.load === this.unanswered) return new Promise(() => undefined) as never;
    return later(() => super.load(...args)) as never;
  }

  override swap(...args: Parameters<MemoryStore['swap']>): never {
    this.calls.swap += 1;
    return this.open.then(() => super.swap(...args)) as never;
  }
}

const later = <T>(run: () => T) => new Promise<T>((resolve) => setImmediate(() => resolve(run())));

/** Sends all requests at once on one connection, and answers with their statuses. */
async function pipelined(url: string, cookie: string, paths: readonly string[]): Promise<string[]> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nCookie: ${cookie}\r\n\r\n`).join(''));
  let text = '';
  const statuses = () => text.match(/HTTP\/1\.1 \d+/g) ?? [];
  for await (const chunk of socket) {
    text += String(chunk);
    if (statuses().length === paths.length) break;
  }
  socket.destroy();
  return statuses().map((line) => line.slice(-3));
}

it('a crowd of writers on one connection is stored in few calls, and nothing is lost', async () => {
  const store = new LateStore();
  const site = await siteWith({ store });
  const ann = await member(site);
  const cookie = await ann.jar.getCookieString(site.url);
  store.calls.load = store.calls.swap = 0;
  const names = Array.from({ length: 1000 }, (_, n) => `k${n}`);
  const statuses = await pipelined(
    site.url,
    cookie,
    names.map((name) => `/put?${name}=1`),
  );
  expect(new Set(statuses)).toEqual(new Set(['200']));
  expect(store.calls.load).toBeLessThan(200);
  expect(store.calls.swap).toBeLessThan(700);
  expect(Object.keys((await ann.get('/see')).json<object>())).toHaveLength(1001);
});

it('each writer of a crowd costs one parse of the record, however many are stored together, and they do not conflict with each other', async () => {
  const refused: unknown[] = [];
  class Watched extends MemoryStore {
    override swap(...args: Parameters<MemoryStore['swap']>) {
      const result = super.swap(...args);
      if (!result.ok) refused.push(result);
      return result;
    }
  }
  const site = await siteWith({ store: new Watched() });
  const ann = await member(site);
  const cookie = await ann.jar.getCookieString(site.url);
  const names = Array.from({ length: 400 }, (_, n) => `k${n}`);
  const paths = names.map((name) => `/put?${name}=1`);
  const parse = jest.spyOn(JSON, 'parse');
  try {
    const statuses = await pipelined(site.url, cookie, paths);
    expect(new Set(statuses)).toEqual(new Set(['200']));
    const records = parse.mock.calls.filter(([text]) => String(text).includes('"user":"ann"'));
    // One for each request, and one for each version that several have begun with.
    expect(records.length).toBeLessThan(names.length + 20);
    expect(refused.length).toBeLessThan(5);
  } finally {
    parse.mockRestore();
  }
  expect(Object.keys((await ann.get('/see')).json<object>())).toHaveLength(names.length + 1);
});

it('requests beyond the limit for one session fail, the errorHandler is called, and nothing acknowledged is lost', async () => {
  const store = new LateStore();
  const heard: string[] = [];
  const site = await siteWith(
    {
      store,
      errorHandler: (error, type) => {
        heard.push(`${type}: ${(error as SessionError).code}`);
        throw error;
      },
    },
    {
      '/big': async (ctx) => {
        Object.assign(await sessionOf(ctx), { data: 'x'.repeat(4_000_000) });
      },
    },
  );
  const ann = await member(site);
  await ann.get('/big');
  const held = gate();
  store.open = held.opened;
  const names = Array.from({ length: 24 }, (_, n) => `k${n}`);
  const asked = names.map((name) => ann.get(`/put?${name}=1`));
  // Those that are refused are told at once.
  const first = await Promise.race(asked);
  expect(first.status).toBe(500);
  held.open();
  const replies = await Promise.all(asked);
  const stored = names.filter((_, n) => replies[n]?.status === 200);
  expect(stored.length).toBeGreaterThan(5);
  expect(heard).toHaveLength(names.length - stored.length);
  expect(new Set(heard)).toEqual(new Set(['set: ERR_SESSION_STORE_BUSY']));
  const { user: _, data: __, ...kept } = (await ann.get('/see')).json<Record<string, string>>();
  expect(Object.keys(kept).sort()).toEqual([...stored].sort());
});

it('an unanswered load of a crowd delays only the requests that came before it', async () => {
  const store = new LateStore();
  const site = await siteWith({ store, timeout: 600, reconnectTimeout: 600 });
  const ann = await member(site);
  const cookie = await ann.jar.getCookieString(site.url);
  const crowd = async () => pipelined(site.url, cookie, Array(40).fill('/see'));
  store.calls.load = 0;
  // Eight load by themselves, and one more for all others.
  store.unanswered = 9;
  const first = crowd();
  await until(() => store.calls.load === 9);
  const later = [crowd(), crowd()];
  await Promise.race([first, Promise.all(later)]);
  for (const statuses of later) expect(new Set(await Promise.race([statuses, []]))).toEqual(new Set(['200']));
  expect((await first).filter((status) => status !== '200')).toEqual(Array(32).fill('500'));
});
