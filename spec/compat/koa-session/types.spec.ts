import { problemsIn, problemsOf } from '../../helpers/docs/type-check';

/** What applications on koa-session 7 have in their files. */
const consumer = `
  import Koa from 'koa';
  import session, { createSession } from 'koa-evented-session/koa-session';

  const app = new Koa();
  app.keys = ['a key'];

  class RedisStore {
    async get(key: string, _maxAge: number, data: { rolling: boolean; ctx?: unknown }): Promise<unknown> {
      return [key, data.rolling];
    }
    async set(_key: string, _sess: { user?: string }, _maxAge: number, data: { changed: boolean; rolling: boolean; ctx?: unknown }) {
      return void data.changed;
    }
    async destroy(_key: string) {}
  }

  class OfRequest extends RedisStore {
    constructor(readonly ctx: Koa.Context) {
      super();
    }
  }

  const sameSite: string = 'lax';
  const options: session.CreateSessionOptions = {
    key: 'koa.sess', maxAge: 86400000, autoCommit: true, overwrite: true, httpOnly: true, signed: true, rolling: false, renew: false, secure: true,
    sameSite, store: new RedisStore(), prefix: 'app:', genid: (ctx) => ctx.path,
    valid: (_ctx, it) => it['user'] !== undefined,
    beforeSave: (ctx, it) => { it.path = ctx.path; },
    externalKey: { get: (ctx) => ctx.get('x-session'), set: (ctx, value) => ctx.set('x-session', value) },
    encode: (it) => JSON.stringify(it), decode: (text) => JSON.parse(text),
  };
  app.use(session(options, app));
  app.use(session(app));
  app.use(createSession({ ContextStore: OfRequest, maxAge: 'session', sameSite: null }, app));

  interface Context { session: session.Session | null; sessionOptions: session.SessionOptions }
  const typed = new Koa<Koa.DefaultState, Context>();
  typed.use(session({}, typed));
  typed.use(async (ctx) => {
    const it = ctx.session;
    if (it === null) return;
    it.views = (it.views ?? 0) + 1;
    it.maxAge = 'session';
    await it.save();
    await it.regenerate();
    await it.manuallyCommit();
    it.save((error) => console.log(error));
    ctx.body = [it.isNew, it.populated, it.length, it.externalKey?.length, it.toJSON(), ctx.sessionOptions.key.length];
    ctx.session = null;
  });
  app.use((ctx) => { ctx.session.anything.goes = ctx.sessionOptions.maxAge; });
`;

describe('The types of koa-evented-session/koa-session', () => {
  it('accept what those of koa-session accept', () => {
    // The types as they are built: those of lib bring the main entry point's ctx.session along.
    expect(problemsIn('consumer.ts', consumer, '', { noPropertyAccessFromIndexSignature: false, paths: {} })).toEqual(
      [],
    );
  });

  const inCommonJs = `
    import session = require('koa-evented-session/koa-session');
    import Koa = require('koa');
    const app = new Koa();
    app.use(session({ key: 'sid' }, app));
    app.use(session.createSession({}, app));
  `;
  const wrong = [
    ["session({ maxAge: '1d' }, app)", 'maxAge'],
    ['session({ rolling: 1 }, app)', 'rolling'],
    ['session({ store: { get() {} } }, app)', 'store'],
    ['session({})', 'Application'],
  ] as const;
  let problems: ReturnType<typeof problemsOf>;
  beforeAll(() => {
    const refused = wrong.map(([call], n) => {
      const code = `import Koa from 'koa';\nimport session from 'koa-evented-session/koa-session';\nconst app = new Koa();\n${call};\napp.use(() => {});`;
      return [`wrong${n}.ts`, code];
    });
    problems = problemsOf({ 'consumer.cts': inCommonJs, ...Object.fromEntries(refused) }, '');
  });

  it('exist for CommonJS too', () => {
    expect(problems('consumer.cts')).toEqual([]);
  });

  it.each(wrong.map(([call, named], n) => ({ call, named, n })))('refuse $call', ({ named, n }) => {
    const texts = problems(`wrong${n}.ts`).map(({ text }) => text);
    expect(texts?.join('\n')).toMatch(new RegExp(`line 4: .*${named}`, 's'));
  });
});
