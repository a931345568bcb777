import { isCookieAttribute } from '../cookies/attributes';

const KEYS = 'set `app.keys = [secret]`';
const LEAVE_OUT = 'leave it out';
const TO_STORE = 'pass it to the store, as in `store: redisStore({ url })`';

/** Options of express-session, koa-session, koa-redis and others, with their equivalents in this package. */
const ADVICE: Readonly<Record<string, string>> = {
  secret: KEYS,
  keys: KEYS,
  password: KEYS,
  name: 'call it `key`',
  cookieName: 'call it `key`',
  genid: 'call it `genSid`',
  generate: 'call it `genSid`',
  saveUninitialized: 'call it `allowEmpty`',
  resave: `${LEAVE_OUT}: unchanged sessions are not written`,
  unset: `${LEAVE_OUT}: \`ctx.session = null\` destroys a session`,
  proxy: 'set `app.proxy = true`',
  cookieOptions: 'call it `cookie`',
  externalKey: 'call it `sessionIdStore`, an object with `get`, `set` and `reset`',
  ContextStore:
    "give an instance of it, `store: fromKoaSessionStore(new ContextStore())`, from 'koa-evented-session/koa-session-store'",
  encode: `${LEAVE_OUT}: the cookie carries an id, and the store keeps the session`,
  decode: `${LEAVE_OUT}: the cookie carries an id, and the store keeps the session`,
  url: TO_STORE,
  host: TO_STORE,
  port: TO_STORE,
  db: TO_STORE,
  client: TO_STORE,
  max: 'pass it to the store, `store: new MemoryStore({ max })`',
};

/**
 * What to use instead of an option of another package, or of another place in the options; `undefined` for an unknown
 * name.
 */
export function adviceOn(name: string): string | undefined {
  if (Object.hasOwn(ADVICE, name)) return ADVICE[name];
  const attribute = { httponly: 'httpOnly', maxage: 'maxAge', samesite: 'sameSite' }[name] ?? name;
  return isCookieAttribute(attribute) ? `set it in \`cookie\`, \`cookie: { ${attribute} }\`` : undefined;
}
