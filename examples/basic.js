// Counts each visitor's views. Sessions are kept in memory and end with the process.
//
// Run:  npm run build && node examples/basic.js
// See:  curl -c jar -b jar http://localhost:3000 answers `views: 1`, then `views: 2`; without a jar it is always `views: 1`.
const Koa = require('koa');
const session = require('koa-evented-session');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

app.use(session());

app.use((ctx) => {
  const visitor = /** @type {{ views?: number }} */ (ctx.session);
  visitor.views = (visitor.views ?? 0) + 1;
  ctx.body = `views: ${visitor.views}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
