// A login that regenerates the session and a logout that destroys it, ready for a proxy that terminates TLS.
//
// Run:  npm run build && node examples/login.js   (in production NODE_ENV=production, SESSION_SECRET, a proxy and a `store`)
// See:  open http://localhost:3000 and log in as ann with the password `correct horse`; the cookie then has another value.
const { randomBytes, scrypt, scryptSync, timingSafeEqual } = require('node:crypto');
const { text } = require('node:stream/consumers');
const { promisify } = require('node:util');
const Koa = require('koa');
const session = require('koa-evented-session');

const isProduction = process.env['NODE_ENV'] === 'production';
const secret = process.env['SESSION_SECRET'];
if (isProduction && !secret) throw new Error('Expected SESSION_SECRET to be set: cookies are signed with it');

// In a real application, users are in a database.
const salt = randomBytes(16);
const users = new Map([['ann', scryptSync('correct horse', salt, 32)]]);
const nobody = randomBytes(32);

const app = new Koa();
app.keys = [secret || 'a secret that is for development only'];
// The proxy terminates TLS and sets X-Forwarded-Proto. Without a proxy, any client could set it.
app.proxy = isProduction;

app.use(
  session({ key: isProduction ? '__Host-sid' : 'sid', cookie: { secure: isProduction, maxAge: 8 * 60 * 60 * 1000 } }),
);

app.use(async (ctx) => {
  const route = `${ctx.method} ${ctx.path}`;
  if (route === 'POST /login') return logIn(ctx);
  if (route === 'POST /logout') return logOut(ctx);
  if (route === 'GET /') return show(ctx);
});

/** @param {Koa.Context} ctx */
async function logIn(ctx) {
  if (!(ctx.request.length < 1000)) ctx.throw(413);
  const form = new URLSearchParams(await text(ctx.req));
  const name = form.get('name') ?? '';
  const hash = await promisify(scrypt)(form.get('password') ?? '', salt, 32);
  // Takes the same time if the user does not exist.
  if (!timingSafeEqual(hash, users.get(name) ?? nobody)) ctx.throw(401, 'unknown name or password');
  // A new id, so that someone who knew or planted the old one is not logged in with it.
  await ctx.regenerateSession();
  Object.assign(/** @type {object} */ (ctx.session), { user: name });
  ctx.redirect('/');
}

/** @param {Koa.Context} ctx */
function logOut(ctx) {
  // Destroys the record and clears the cookie. POST and the default `sameSite: 'lax'` keep other sites from logging users out.
  ctx.session = null;
  ctx.redirect('/');
}

/** @param {Koa.Context} ctx */
function show(ctx) {
  // The page is private: keep it out of caches, including the one behind the browser's back button.
  ctx.set('Cache-Control', 'no-store');
  const user = users.has(String(ctx.session?.['user'])) ? String(ctx.session?.['user']) : undefined;
  ctx.type = 'html';
  ctx.body = user
    ? `<p>Logged in as ${user}</p><form method="post" action="/logout"><button>Log out</button></form>`
    : '<form method="post" action="/login"><input name="name" aria-label="Name" /> ' +
      '<input name="password" type="password" aria-label="Password" /> <button>Log in</button></form>';
}

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
