import Keygrip from 'keygrip';
import Koa from 'koa';
import session from '../../../lib/koa-session';
import { interop } from '../../interop';
import { type Browser, browser, type Reply, serve } from '../http/serve';
import { answer, type Routes } from './session-site';

/** Makes the middleware of koa-session, or ours in its place. */
export type Make = (options: session.CreateSessionOptions, app: Koa) => Koa.Middleware;

export const theirs = (interop('koa-session') as { createSession: Make }).createSession;
export const ours: Make = session;

const KEYS = ['a key', 'an older key'];

/** What koa-session asks of a store, call by call; it keeps JSON, like a database does. */
export class RecordingStore implements session.ExternalStore {
  readonly records = new Map<string, string>();
  readonly calls: unknown[][] = [];

  async get(key: string, maxAge: unknown, { ctx, ...options }: { ctx: Koa.Context; rolling: boolean }) {
    this.calls.push(['get', key, maxAge, options, ctx.path]);
    return JSON.parse(this.records.get(key) ?? 'null') ?? undefined;
  }

  async set(
    key: string,
    record: session.SessionRecord,
    maxAge: unknown,
    options: { ctx: Koa.Context; rolling: boolean },
  ) {
    this.calls.push(['set', key, record, maxAge, { rolling: options.rolling }, options.ctx.path]);
    this.records.set(key, JSON.stringify(record));
  }

  async destroy(key: string, { ctx }: { ctx: Koa.Context }) {
    // Destroying nothing is not a difference.
    if (this.records.delete(key)) this.calls.push(['destroy', key, ctx.path]);
  }
}

export interface KoaSessionSite {
  readonly app: Koa;
  readonly url: string;
  readonly heard: unknown[][];
  visitor(jar?: Browser['jar']): Browser;
}

const open = new Set<{ close(): Promise<void> }>();

afterEach(async () => {
  await Promise.all([...open].map((site) => site.close()));
  open.clear();
});

/** A site of either package, closed after the test. Its handlers are `routes`, and {@link ROUTES}. */
export async function siteOf(
  make: Make,
  options: session.CreateSessionOptions,
  { routes = {}, before, keys = KEYS }: { routes?: Routes; before?: Koa.Middleware | undefined; keys?: string[] } = {},
): Promise<KoaSessionSite> {
  const app = new Koa();
  app.keys = keys;
  const heard: unknown[][] = [];
  app.on('error', (error: Error) => heard.push(['error', error.message]));
  for (const name of ['missed', 'invalid', 'expired']) {
    app.on(`session:${name}`, ({ key, value, ctx }) => heard.push([name, key, value, ctx.path]));
  }
  if (before !== undefined) app.use(before);
  app.use(make(options, app));
  app.use(answer({ ...ROUTES, ...routes }));
  const served = await serve(app);
  open.add(served);
  return { app, heard, url: served.url, visitor: (jar) => browser(served.url, jar) };
}

/** Everything that a handler can see of its session. */
export function seen(ctx: Koa.Context): unknown {
  const { session: it } = ctx as unknown as { session: session.Session | null };
  if (it === null) return null;
  const { isNew, maxAge, populated, length, externalKey } = it;
  const inspected = it[Symbol.for('nodejs.util.inspect.custom') as unknown as string]();
  return { data: it.toJSON(), text: JSON.stringify(it), inspected, isNew, maxAge, populated, length, externalKey };
}

type Handler = (ctx: Koa.Context & { session: session.Session }) => unknown;

export const ROUTES = {
  '/see': seen,
  '/idle': () => 'idle',
  '/put': (ctx) => {
    Object.assign(ctx.session, ctx.query);
    return seen(ctx);
  },
  '/drop': (ctx) => {
    delete ctx.session[String(ctx.query['name'])];
    return seen(ctx);
  },
  '/nested': (ctx) => {
    ctx.session['cart'] ??= { items: [] };
    ctx.session['cart'].items.push('Zoë 🎈');
    return seen(ctx);
  },
  '/kinds': (ctx) => {
    Object.assign(ctx.session, {
      at: new Date(),
      fn: () => 1,
      _private: 1,
      none: undefined,
      nil: null,
      cookie: { path: 1 },
    });
    return seen(ctx);
  },
  '/assign': (ctx) => {
    void ctx.session;
    Object.assign(ctx, { session: { ...ctx.query } });
    return seen(ctx);
  },
  '/logout': (ctx) => {
    Object.assign(ctx, { session: null });
    return seen(ctx);
  },
  '/renew': (ctx) => {
    Object.assign(ctx, { session: null });
    Object.assign(ctx, { session: { again: true } });
    return seen(ctx);
  },
  '/age': (ctx) => {
    const { age } = ctx.query;
    ctx.session.maxAge = age === 'session' ? age : Number(age);
    return seen(ctx);
  },
  '/save': async (ctx) => {
    await ctx.session.save();
    return seen(ctx);
  },
  '/save-back': (ctx) => new Promise((resolve) => ctx.session.save((error) => resolve(error ?? 'saved'))),
  '/regenerate': async (ctx) => {
    await ctx.session.regenerate();
    return ctx.session.toJSON();
  },
  '/put-by-hand': async (ctx) => {
    Object.assign(ctx.session, ctx.query);
    await ctx.session.manuallyCommit();
    return seen(ctx);
  },
} satisfies Record<string, Handler> as unknown as Routes;

/** The results of a scenario, without random parts: keys are numbered in their order, and signatures are checked. */
export class Transcript {
  readonly #site: KoaSessionSite;
  readonly #store: RecordingStore;
  readonly #keys: string[] = [];
  readonly #keygrip = new Keygrip(KEYS);

  constructor(site: KoaSessionSite, store: RecordingStore) {
    this.#site = site;
    this.#store = store;
  }

  async of(reply: Reply): Promise<unknown> {
    // koa-session emits its events a little later.
    await new Promise((resolve) => setImmediate(resolve));
    const { status, text, setCookie } = reply;
    return this.#without({
      status,
      text,
      // Ours has a Max-Age more, as its own specs show.
      setCookie: this.#checked(setCookie).map((line) => line.replace(/; max-age=\d+/, '')),
      calls: endsLast(this.#store.calls.splice(0)),
      heard: this.#site.heard.splice(0),
    });
  }

  #checked(lines: string[]): string[] {
    return lines.map((line) => {
      const [, name, signature, rest] = /^([^=;]+)\.sig=([^;]+)(.*)$/.exec(line) ?? [];
      if (name === undefined || signature === undefined) return line;
      const signed = lines.find((it) => it.startsWith(`${name}=`))?.split(';', 1)[0] as string;
      return `${name}.sig=${this.#keygrip.verify(signed, signature) ? 'good' : 'bad'}${rest}`;
    });
  }

  #without(value: unknown): unknown {
    const text = JSON.stringify(value).replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, (key) => {
      if (!this.#keys.includes(key)) this.#keys.push(key);
      return `key ${this.#keys.indexOf(key) + 1}`;
    });
    return JSON.parse(text);
  }
}

/** On purpose the new record is stored here before the old one ends, so that a failure costs nothing. */
function endsLast(calls: unknown[][]): unknown[][] {
  return [...calls.filter(([method]) => method !== 'destroy'), ...calls.filter(([method]) => method === 'destroy')];
}
