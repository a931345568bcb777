import session, { type SessionOptions } from '../../lib/main';
import { adviceOn } from '../../lib/middleware/foreign-options';
import { headings } from '../helpers/docs/markdown';

let warnings: jest.SpyInstance;
beforeEach(() => {
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => warnings.mockRestore());

/** What is warned of, option by option. */
function adviceFor(options: object): Record<string, string> {
  session(options as SessionOptions);
  const said = warnings.mock.calls.map(([message]) => /the option `(\w+)`; (.*)$/.exec(message as string) ?? []);
  return Object.fromEntries(said.map(([, name, advice]) => [name, advice]));
}

it('options of express-session cause a warning that names the equivalent here', () => {
  const options = {
    secret: 's',
    name: 'sid',
    genid: () => 'x',
    resave: false,
    saveUninitialized: true,
    rolling: true,
    unset: 'destroy',
    proxy: true,
    cookie: { maxAge: 1000 },
  };
  expect(adviceFor(options)).toEqual({
    secret: 'set `app.keys = [secret]`',
    name: 'call it `key`',
    genid: 'call it `genSid`',
    resave: 'leave it out: unchanged sessions are not written',
    saveUninitialized: 'call it `allowEmpty`',
    unset: 'leave it out: `ctx.session = null` destroys a session',
    proxy: 'set `app.proxy = true`',
  });
});

it('options of koa-session do too, including its cookie attributes', () => {
  const options = {
    key: 'koa.sess',
    maxAge: 86_400_000,
    autoCommit: true,
    overwrite: true,
    httpOnly: true,
    signed: true,
    rolling: false,
    renew: false,
    secure: true,
    sameSite: 'lax',
    prefix: 'a:',
    externalKey: {},
    ContextStore: class {},
    genid: () => 'x',
    encode: () => '',
    decode: () => ({}),
  };
  const attributes = ['maxAge', 'overwrite', 'httpOnly', 'signed', 'secure', 'sameSite'];
  expect(adviceFor(options)).toEqual({
    ...Object.fromEntries(attributes.map((name) => [name, `set it in \`cookie\`, \`cookie: { ${name} }\``])),
    externalKey: 'call it `sessionIdStore`, an object with `get`, `set` and `reset`',
    ContextStore: expect.stringContaining('`store: fromKoaSessionStore(new ContextStore())`'),
    genid: 'call it `genSid`',
    encode: expect.stringMatching(/^leave it out: /),
    decode: expect.stringMatching(/^leave it out: /),
  });
});

it('connection options belong to the store, and the warning says so', () => {
  expect(adviceFor({ url: 'redis://localhost', host: 'localhost', port: 6379 })).toEqual(
    Object.fromEntries(
      ['url', 'host', 'port'].map((name) => [name, 'pass it to the store, as in `store: redisStore({ url })`']),
    ),
  );
});

it.each([
  ['httponly', 'httpOnly'],
  ['maxage', 'maxAge'],
  ['samesite', 'sameSite'],
  ['domain', 'domain'],
])('a cookie attribute at the top level, %s, belongs in `cookie`', (name, attribute) => {
  expect(adviceFor({ [name]: 'x' })).toEqual({ [name]: `set it in \`cookie\`, \`cookie: { ${attribute} }\`` });
});

it('there is no advice on a known or an entirely unknown option', () => {
  // A spec of the pages compares them with the type.
  const ours = headings('docs/options.md', 2);
  expect(ours.length).toBeGreaterThan(15);
  for (const name of [...ours, 'constructor', 'toString', '__proto__', 'elsewhere']) {
    expect([name, adviceOn(name)]).toEqual([name, undefined]);
  }
});
