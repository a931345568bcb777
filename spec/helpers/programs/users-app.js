// An application in a process of its own that knows the users of its sessions. STORE holds the options of redisStore() or the
// configuration of Knex, OPTIONS those of the middleware, as JSON. With `die=2` the process kills itself around the second call of the
// store that follows: `when` is `before` it is made, `sent` or `answered`.
const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const Koa = require('koa');
const session = require('koa-evented-session');
const { knexStore } = require('koa-evented-session/knex');
const { redisStore } = require('koa-evented-session/redis');

/** @typedef {{ user: string; login: string; began: number }} Auth */
/** @typedef {import('koa-evented-session').Session} Session */
/** @typedef {import('koa').Context} Context */

/** @type {{ redis?: Record<string, unknown>; knex?: import('knex').Knex.Config }} */
const { redis, knex } = JSON.parse(process.env['STORE'] ?? '{}');
/** @type {typeof import('knex').default} */
const makeKnex = createRequire(path.join(__dirname, '../../interop/package.json'))('knex');
/** SQLite waits for other processes only if it is told to. */
const pool = {
  /** @param {{ pragma(sql: string): void }} connection @param {() => void} done */
  afterCreate(connection, done) {
    connection.pragma('busy_timeout = 5000');
    connection.pragma('synchronous = off');
    done();
  },
};
const config = knex?.client === 'better-sqlite3' ? { ...knex, pool } : knex;
const store = config ? knexStore({ knex: makeKnex(config), sweepInterval: 0 }) : redisStore(redis ?? {});

/** How many calls are left until the process dies, and when it does so. */
let left = Number.POSITIVE_INFINITY;
let when = '';
const die = () => process.kill(process.pid, 'SIGKILL');

const reading = ['load', 'members'];
const writing = ['create', 'swap', 'touch', 'remove', 'take', 'mark', 'destroy', 'enroll', 'dismiss', 'endedNow'];
for (const name of [...reading, ...writing]) {
  const methods = /** @type {Record<string, (...args: unknown[]) => Promise<unknown>>} */ (
    /** @type {unknown} */ (store)
  );
  const call = /** @type {(...args: unknown[]) => Promise<unknown>} */ (methods[name]).bind(store);
  methods[name] = async (...args) => {
    left -= 1;
    const isLast = left === 0;
    if (isLast && when === 'before') die();
    const answering = call(...args);
    if (isLast && when === 'sent') setImmediate(die);
    const answer = await answering;
    if (isLast) die();
    // So that calls of other processes come in between.
    await sleep(Math.random() * 4);
    return answer;
  };
}

/** In microseconds, on a clock that all processes of this machine share. */
const now = () => Number(process.hrtime.bigint() / 1000n);

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
app.silent = true;
const sessions = session({
  store,
  user: (/** @type {Session} */ held) => /** @type {Auth | undefined} */ (held['auth'])?.user,
  device: (ctx) => ctx.query['name'],
  ...JSON.parse(process.env['OPTIONS'] ?? '{}'),
});
app.use(async (ctx, next) => {
  if (ctx.path === '/calm') {
    left = Number.POSITIVE_INFINITY;
    ctx.body = {};
    return;
  }
  try {
    await next();
  } catch (error) {
    const { code, name } = /** @type {Error & { code?: string }} */ (error);
    ctx.status = 500;
    ctx.body = { error: code ?? name };
  }
});
app.use(sessions);

/** @param {Context} ctx @param {Auth} auth */
async function logIn(ctx, auth) {
  await ctx.regenerateSession();
  Object.assign(/** @type {object} */ (ctx.session), { root: auth.login, auth });
}

/** @template T @param {Context} ctx @param {() => Promise<T>} end */
function ending(ctx, end) {
  ctx.state['called'] = now();
  return end();
}

/** What it returns is the number of ended sessions. @type {Record<string, (ctx: Context, held: Session, auth: Auth) => unknown>} */
const routes = {
  '/visit': (_ctx, held, { login }) => {
    held['root'] ??= login;
    held[login] = 1;
  },
  '/read': () => undefined,
  '/login': (ctx, _held, auth) => logIn(ctx, auth),
  '/enter': (_ctx, held, auth) => {
    held['root'] ??= auth.login;
    held['auth'] = auth;
  },
  '/update': (ctx, _held, auth) =>
    ctx.sessionHandler.update((/** @type {Session} */ stored) => {
      stored['root'] ??= auth.login;
      stored['auth'] = auth;
    }),
  '/keep': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/logout': (ctx) => {
    ctx.session = null;
  },
  '/end-all': (ctx, _held, { user }) => ending(ctx, () => sessions.of(user).endAll()),
  '/reset': async (ctx, _held, auth) => {
    const number = await ending(ctx, () => sessions.of(auth.user).endAll(ctx));
    await logIn(ctx, auth);
    return number;
  },
  '/others': (ctx, _held, { user }) => ending(ctx, () => sessions.of(user).endOthers(ctx)),
  '/others-keep': async (ctx, _held, { user }) => {
    const number = await ending(ctx, () => sessions.of(user).endOthers(ctx));
    await ctx.regenerateSession({ keepData: true });
    return number;
  },
  /** The session that a login has begun. */
  '/end': async (ctx, _held, { user }) => {
    const one = (await sessions.of(user).list()).find(({ device }) => device === ctx.query['login']);
    return one && ((await ending(ctx, () => sessions.of(user).end(one.handle))) ? 1 : 0);
  },
};

app.use(async (ctx) => {
  const query = /** @type {Record<string, string>} */ (ctx.query);
  const { user = '', name: login = '' } = query;
  // The session middleware counts the request from a moment before.
  const auth = { user, login, began: now() };
  if (query['die'] !== undefined) [left, when] = [Number(query['die']), String(query['when'])];
  const held = /** @type {Session} */ (ctx.session);
  const served = held?.['auth'];
  // A handler takes its time, to check a password for instance.
  await sleep(Math.random() * 12);
  const ended = await routes[ctx.path]?.(ctx, held, auth);
  ctx.body = { served, called: ctx.state['called'], ended };
});

const server = createServer(app.callback()).listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
});
