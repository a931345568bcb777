// A login by name and password with Passport: koa-passport and passport-local.
//
// Run:  npm run build && node examples/passport.js   (needs `npm install koa-passport passport-local`)
// See:  open http://localhost:3000 and log in as ann with the password `correct horse`; the cookie then has another value. A wrong
//       password shows the form again, with a message.
const { randomBytes, scrypt, scryptSync, timingSafeEqual } = require('node:crypto');
const { text } = require('node:stream/consumers');
const { promisify } = require('node:util');
const Koa = require('koa');
const session = require('koa-evented-session');
const { KoaPassport } = require('koa-passport');
const { Strategy } = require('passport-local');

// In a real application, users are in a database.
const salt = randomBytes(16);
const users = new Map([['ann', scryptSync('correct horse', salt, 32)]]);
const nobody = randomBytes(32);

const passport = new KoaPassport();
passport.use(
  new Strategy(async (name, password, done) => {
    const hash = await promisify(scrypt)(password, salt, 32);
    // Takes the same time if the user does not exist.
    if (timingSafeEqual(/** @type {Buffer} */ (hash), users.get(name) ?? nobody)) done(null, { name });
    else done(null, false, { message: 'unknown name or password' });
  }),
);
// The session holds the name; ctx.state.user is the user found by that name.
passport.serializeUser(({ name }, done) => done(null, name));
passport.deserializeUser((name, done) => done(null, users.has(name) && { name }));

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];
app.use(session());
app.use(passport.initialize());
app.use(passport.session());

const logIn = passport.authenticate('local', { successRedirect: '/', failureRedirect: '/', failureMessage: true });

app.use(async (ctx, next) => {
  const route = `${ctx.method} ${ctx.path}`;
  if (route === 'POST /login') {
    if (!(ctx.request.length < 1000)) ctx.throw(413);
    // Passport reads the form from `ctx.request.body`, where a body parser would put it.
    Object.assign(ctx.request, { body: Object.fromEntries(new URLSearchParams(await text(ctx.req))) });
    return logIn(ctx, next);
  }
  if (route === 'POST /logout') {
    await ctx['logout']();
    return ctx.redirect('/');
  }
  if (route === 'GET /') show(ctx);
});

/** @param {Koa.Context} ctx */
function show(ctx) {
  // The page is private: keep it out of caches, including the one behind the browser's back button.
  ctx.set('Cache-Control', 'no-store');
  ctx.type = 'html';
  const { user } = ctx.state;
  if (user) {
    ctx.body = `<p>Logged in as ${user.name}</p><form method="post" action="/logout"><button>Log out</button></form>`;
    return;
  }
  const { session } = ctx;
  const [message = ''] = /** @type {string[]} */ (session?.['messages'] ?? []).slice(-1);
  delete session?.['messages'];
  ctx.body =
    `<p role="status">${message}</p><form method="post" action="/login"><input name="username" aria-label="Name" /> ` +
    '<input name="password" type="password" aria-label="Password" /> <button>Log in</button></form>';
}

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
