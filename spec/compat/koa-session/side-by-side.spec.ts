import type Koa from 'koa';
import type session from '../../../lib/koa-session';
import {
  type Make,
  ours,
  RecordingStore,
  seen,
  siteOf,
  Transcript,
  theirs,
} from '../../helpers/sites/koa-session-sites';
import { NEWER_ATTRIBUTES } from '../../helpers/sites/session-cookies';
import type { Routes } from '../../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../../helpers/time/fake-date';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Place = 'store' | 'cookie' | 'ContextStore' | 'externalKey';

/** A path, and what happens before it is asked for: time passes, or the visitor's cookies are others. */
type Step = string | { path: string; pass?: number; cookie?: string };

interface Scenario {
  options?: session.CreateSessionOptions;
  before?: Koa.Middleware;
  routes?: Routes;
  steps: Step[];
  /** Default: all. */
  places?: Place[];
}

const PLACES: Place[] = ['store', 'cookie', 'ContextStore', 'externalKey'];
const LIFE: Step[] = [
  '/see',
  '/idle',
  '/put?a=1',
  '/see',
  '/put?b=2',
  '/idle',
  '/drop?name=a',
  '/see',
  '/logout',
  '/see',
];

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

const scenarios: Record<string, Scenario> = {
  'a life': { steps: LIFE },
  'a logout without a session': { steps: ['/logout', '/put?a=1', '/logout', '/logout'] },
  'a session that continues after it was set to null': { steps: ['/renew', '/see', '/renew', '/see'] },
  'nested data': { steps: ['/nested', '/nested', '/see'] },
  'data of every kind, and a key of the name cookie': { steps: ['/kinds', '/see', '/kinds'] },
  'objects in place of the session': { steps: ['/assign?a=1', '/see', '/assign?b=2', '/see', '/assign', '/see'] },
  'an empty object in place of a new session': { steps: ['/assign', '/see'] },
  'a session in place of itself': {
    routes: { '/again': (ctx) => Object.assign(ctx, { session: ctx.session }) && seen(ctx) },
    steps: ['/put?a=1', '/again', '/see'],
  },
  'values that cannot be a session': {
    routes: { '/wrong': (ctx) => wrong(ctx, ['text', 5, true, undefined]) },
    steps: ['/put?a=1', '/wrong', '/see'],
  },
  'an empty session that is saved': { steps: ['/save', '/see', '/put?a=1', '/see'] },
  'saving an unchanged session': { steps: ['/put?a=1', '/save', '/save-back', '/see'] },
  'a new key': {
    options: { prefix: 'app:' },
    // With an externalKey, koa-session clears a cookie that does not exist.
    places: ['store', 'cookie', 'ContextStore'],
    steps: ['/regenerate', '/put?a=1', '/regenerate', '/see', '/put?b=2', '/see'],
  },
  'saving by hand': {
    options: { autoCommit: false },
    steps: [
      '/put?a=1',
      '/see',
      '/put-by-hand?a=1',
      '/see',
      '/put?b=2',
      '/see',
      '/put-by-hand?c=3',
      '/save',
      '/logout',
      '/see',
    ],
  },
  'a separate lifetime, set by the handler': {
    steps: ['/age?age=5000', '/put?a=1', '/see', '/age?age=session', '/see', '/put?b=2', `/age?age=${HOUR}`, '/see'],
  },
  'the default time': {
    steps: ['/put?a=1', { pass: HOUR, path: '/put?b=1' }, { pass: DAY + 1, path: '/see' }, '/put?c=1', '/see'],
  },
  'the default time, and a cookie that outlives it': {
    steps: ['/put?a=1', { pass: DAY, path: '/see' }, { pass: 1, path: '/see' }, '/put?b=1', '/see'],
  },
  'the option maxAge': {
    options: { maxAge: HOUR },
    steps: ['/put?a=1', { pass: HOUR - 1000, path: '/see' }, '/put?b=1', { pass: HOUR + 1, path: '/see' }],
  },
  'the option maxAge, a separate lifetime, and new options': {
    options: { maxAge: HOUR },
    steps: ['/put?a=1', '/age?age=5000', '/put?b=1', '/see'],
  },
  'maxAge of 0': { options: { maxAge: 0 }, steps: LIFE },
  "maxAge of 'session'": { options: { maxAge: 'session' }, steps: [...LIFE, '/put?c=1', '/age?age=5000', '/see'] },
  rolling: {
    options: { rolling: true, maxAge: HOUR },
    steps: [
      '/see',
      '/put?a=1',
      { pass: MINUTE, path: '/see' },
      { pass: MINUTE, path: '/idle' },
      '/put?b=1',
      '/logout',
      '/see',
    ],
  },
  'rolling, saving by hand': {
    options: { rolling: true, autoCommit: false },
    steps: ['/put-by-hand?a=1', '/see', '/put-by-hand?a=1'],
  },
  renew: {
    options: { renew: true, maxAge: HOUR },
    steps: [
      '/see',
      '/put?a=1',
      { pass: 30 * MINUTE, path: '/see' },
      { pass: 1, path: '/idle' },
      '/see',
      { pass: 29 * MINUTE, path: '/see' },
    ],
  },
  "renew with maxAge of 'session'": { options: { renew: true, maxAge: 'session' }, steps: ['/put?a=1', '/see'] },
  'another name': { options: { key: 'koa:sess' }, steps: LIFE },
  'a cookie without signature': { options: { signed: false }, steps: LIFE },
  'a cookie for scripts': { options: { httpOnly: false }, steps: LIFE },
  'a cookie beside others of its name': { options: { overwrite: false }, steps: ['/put?a=1', '/put?b=1', '/see'] },
  'a cookie that goes over TLS only, over plain HTTP': { options: { secure: true }, steps: ['/idle', '/see'] },
  sameSite: { options: { sameSite: 'Lax' }, steps: LIFE },
  'all other attributes': {
    options: { path: '/', domain: '127.0.0.1', ...NEWER_ATTRIBUTES },
    steps: ['/put?a=1', '/put?b=2', '/logout'],
  },
  'a path that is not the request’s': { options: { path: '/elsewhere' }, steps: ['/put?a=1', '/see', '/logout'] },
  'null and undefined, which koa-session accepts without a check': {
    options: { ContextStore: null, maxAge: undefined, store: undefined },
    steps: LIFE,
    places: ['cookie'],
  },
  prefix: { options: { prefix: 'app:' }, steps: LIFE },
  genid: {
    options: { prefix: 'unused', genid: (ctx) => `made-for-${ctx.path.slice(1)}` },
    steps: [...LIFE, '/put?a=1', '/see'],
  },
  'a session that valid refuses, and may take again': {
    options: { valid: (ctx, { user }) => user !== 'mallory' || ctx.query['friend'] },
    steps: ['/put?user=mallory', '/see', '/see?friend=1', '/logout', '/see?friend=1', '/put?user=ann', '/see'],
  },
  'a session that valid refuses, and another in its place': {
    options: { valid: (_ctx, { user }) => user !== 'mallory' },
    steps: ['/put?user=mallory', '/put?user=ann', '/see'],
  },
  'data that valid changes': {
    options: { valid: (_ctx, data) => Object.assign(data, { judged: true }) },
    steps: ['/put?a=1', '/see', '/put?b=1', '/see'],
  },
  beforeSave: {
    options: { beforeSave: (_ctx, it) => Object.assign(it, { saved: (it['saved'] ?? 0) + 1 }) },
    steps: ['/see', '/put?a=1', '/see', '/put?b=1', '/age?age=5000', '/logout', '/see'],
  },
  'beforeSave, if each request saves': {
    options: { rolling: true, beforeSave: (ctx, it) => Object.assign(it, { last: ctx.path }) },
    steps: ['/see', '/put?a=1', '/see', '/idle'],
  },
  'the session before the middleware has run': {
    before: (ctx, next) => {
      ctx.set('x-before', JSON.stringify([seen(ctx), ctx['sessionOptions'].key]));
      return next();
    },
    steps: ['/see', '/put?a=1', '/see', '/idle', '/logout'],
    places: ['cookie'],
  },
  'ctx.sessionOptions': {
    routes: {
      '/options': ({ sessionOptions: { key, maxAge, rolling, renew, signed, httpOnly, overwrite, autoCommit } }) => ({
        ...{ key, maxAge, rolling, renew, signed, httpOnly, overwrite, autoCommit },
      }),
      '/hide': ({ session: it, sessionOptions }) =>
        Object.assign(it as object, { a: 1 }) &&
        Object.assign(sessionOptions, { sameSite: 'strict', maxAge: 5000 }) &&
        1,
    },
    steps: ['/options', '/put?a=1', '/options', '/hide', '/options'],
  },
  'encode and decode': {
    options: {
      encode: (it) => encodeURIComponent(JSON.stringify(it)),
      decode: (text) => JSON.parse(decodeURIComponent(text)),
    },
    steps: [...LIFE, { cookie: 'koa.sess=%7B', path: '/see' }],
  },
  'decode that finds nothing': { options: { decode: () => null }, steps: ['/put?a=1', '/see', '/put?b=1'] },
  'cookies made by a stranger': {
    options: { signed: false },
    steps: [
      ...['', 'x', 'bnVsbA==', base64({}), base64({ _expire: 1 }), base64({ a: 1 })],
      base64({ a: 1, _expire: Date.UTC(2030, 0, 2), _maxAge: 5000 }),
      base64({ a: 1, _session: true, isNew: 'yes' }),
    ].flatMap((value) => [
      { cookie: `koa.sess=${value}`, path: '/see' },
      { cookie: `koa.sess=${value}`, path: '/put?b=1' },
    ]),
  },
  'cookies whose signature is missing or wrong': {
    steps: [
      '/put?a=1',
      ...['', '; koa.sess.sig=wrong'].flatMap((signature) => [
        { cookie: `koa.sess=${base64({ a: 1 })}${signature}`, path: '/idle' },
        { cookie: `koa.sess=${base64({ a: 1 })}${signature}`, path: '/see' },
        { cookie: `koa.sess=${base64({ a: 1 })}${signature}`, path: '/put?b=1' },
        { cookie: `koa.sess=${base64({ a: 1 })}${signature}`, path: '/logout' },
      ]),
      '/see',
    ],
  },
};

/** What comes of setting the session to each value. */
function wrong(ctx: Koa.Context, values: unknown[]): string[] {
  return values.map((value) => {
    try {
      Object.assign(ctx, { session: value });
      return 'taken';
    } catch {
      return 'refused';
    }
  });
}

async function play(make: Make, { options = {}, steps, ...rest }: Scenario, place: Place): Promise<unknown[]> {
  const store = new RecordingStore();
  const site = await siteOf(make, { ...options, ...backing(place, store) }, rest);
  const visitor = site.visitor();
  const transcript = new Transcript(site, store);
  const played: unknown[] = [];
  for (const step of steps) {
    const { pass: ms = 0, path, cookie } = typeof step === 'string' ? { path: step } : step;
    pass(ms);
    const reply = await visitor.get(path, cookie === undefined ? undefined : { cookie });
    played.push([path, await transcript.of(reply), reply.headers.get('x-before'), reply.headers.get('x-session')]);
  }
  return [...played, [...store.records.values()]];
}

function backing(place: Place, store: RecordingStore): session.CreateSessionOptions {
  if (place === 'store') return { store };
  if (place === 'externalKey') return { store, externalKey: headerKey() };
  if (place === 'cookie') return {};
  class OfRequest implements session.ExternalStore {
    readonly #ctx: Koa.Context;
    constructor(ctx: Koa.Context) {
      this.#ctx = ctx;
    }
    get(...[key, maxAge, options]: Parameters<RecordingStore['get']>) {
      return store.get(key, maxAge, { ...options, ctx: this.#ctx });
    }
    set(...[key, record, maxAge, options]: Parameters<RecordingStore['set']>) {
      return store.set(key, record, maxAge, { ...options, ctx: this.#ctx });
    }
    destroy(...[key]: Parameters<RecordingStore['destroy']>) {
      return store.destroy(key, { ctx: this.#ctx });
    }
  }
  return { ContextStore: OfRequest };
}

/** The key travels as the application likes: here the visitor has one, and it is remembered. */
function headerKey(): session.ExternalKey {
  let held: string | undefined;
  return {
    get: (ctx) => (ctx.path === '/idle' ? undefined : held),
    set: (ctx, key) => {
      held = key;
      ctx.set('x-session', key.length.toString());
    },
  };
}

describe('Side by side with koa-session', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  describe.each(PLACES)('sessions in: %s', (place) => {
    const here = Object.entries(scenarios).filter(([, { places = PLACES }]) => places.includes(place));
    it.each(here)('%s', async (_title, scenario) => {
      const start = Date.now();
      const expected = await play(theirs, scenario, place);
      jest.setSystemTime(start);
      expect(await play(ours, scenario, place)).toEqual(expected);
    });
  });
});
