import { problemsIn, problemsOf } from '../../helpers/docs/type-check';

const name = 'koa-evented-session/koa-session-minimal';

// What compiles with @types/koa-session-minimal, save that `ctx.session` is declared there.
const consumer = `
  import Koa = require('koa');
  import session = require('${name}');
  const app = new Koa();
  app.use(session());
  app.use(session(undefined));
  app.use(session({}));
  app.use(session({ key: 'shop', cookie: { maxAge: 1000, path: '/', domain: 'a.example', secure: true, httpOnly: true } }));
  app.use(session({ cookie: (ctx) => ({ maxAge: ctx.session.user ? 1000 : 0 }) }));
  app.use(session({ cookie: (ctx?: Koa.Context) => ({ maxAge: ctx ? 1000 : 0 }), store: new Map() }));
  const middleware: Koa.Middleware = session();
  const options: session.SessionOptions = { key: 'shop' };
  app.use(session(options)).use(middleware);
  app.use(async (ctx, next) => {
    ctx.session.count = (ctx.session.count || 0) + 1;
    ctx.session = { ...ctx.session, user: 'ann' };
    ctx.session = null;
    delete ctx.session;
    ctx.sessionHandler.regenerateId();
    await next();
  });
  export async function stop(): Promise<void> {
    const sessions = session();
    app.use(sessions);
    await sessions.close();
  }
`;

describe('types of the entry point for koa-session-minimal', () => {
  it('accept what the types of the original accept', () => {
    // The types as they are built: those of lib bring the main entry point's ctx.session along.
    const lenient = { noPropertyAccessFromIndexSignature: false, paths: {} };
    expect(problemsIn('consumer.ts', consumer, '', lenient)).toEqual([]);
  });

  const wrong = [
    ['an option that does not exist', "session({ prefix: 'shop' });", 'prefix'],
    ['a key that is not a string', 'session({ key: 1 });', 'number'],
    ['an attribute of the wrong type', "session({ cookie: { maxAge: 'soon' } });", 'string'],
  ] as const;
  let problems: ReturnType<typeof problemsOf>;
  beforeAll(() => {
    const codes = [['right', 'export const sessions = session();'], ...wrong] as const;
    const files = codes.map(([what, code]) => [`${what}.ts`, `import session from '${name}';\n${code}`]);
    problems = problemsOf(Object.fromEntries(files), '');
  });

  it('can be imported as the default', () => {
    expect(problems('right.ts')).toEqual([]);
  });

  it.each(wrong)('refuse %s', (what, _code, named) => {
    expect(problems(`${what}.ts`)[0]?.text).toContain(named);
  });
});
