// Ends sessions after half an hour without a request, and after twelve hours in any case.
//
// Run:  npm run build && IDLE_SECONDS=5 LIFE_SECONDS=20 node examples/rolling.js
// See:  curl -i -c jar -b jar http://localhost:3000 shows the same start time while you send a request every 5 seconds, and
//       sends the cookie again although nothing has changed. After 20 seconds, a new session starts nevertheless.
const Koa = require('koa');
const session = require('koa-evented-session');

const idle = Number(process.env['IDLE_SECONDS'] || 30 * 60) * 1000;
const life = Number(process.env['LIFE_SECONDS'] || 12 * 60 * 60) * 1000;

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

app.use(
  session({
    // Every request extends record and cookie to their full lifetime. With `renew: true`, only requests in its second half do.
    rolling: true,
    cookie: { maxAge: idle },
    // No request extends them beyond this. Sessions from before this rule begin with their next request.
    absoluteTimeout: life,
  }),
);

app.use(async (ctx) => {
  const visitor = /** @type {{ visits?: true }} */ (ctx.session);
  visitor.visits ??= true;
  // A session begins when it is first stored.
  if (ctx.sessionHandler.isNew) await ctx.saveSession();
  ctx.body = `here since ${ctx.sessionHandler.createdAt?.toISOString()}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
