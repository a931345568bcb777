// A WebSocket for logged-in users: the session is read from the request that opens it.
//
// Run:  npm run build && node examples/websocket.js   (needs `npm install ws`)
// See:  open http://localhost:3000: the page asks you to log in, then says `hello Ann`. Log out in another tab:
//       the connection is closed at once, also if another process has served the logout.
const { WebSocketServer } = require('ws');
const Koa = require('koa');
const session = require('koa-evented-session');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];
// With `app`, a WebSocket may be the first request, for example after a restart.
// All processes are told of a logout in any of them, if they share a store such as redisStore().
const sessions = session({ app, broadcastEndings: true });
app.use(sessions);

app.use(async (ctx) => {
  if (ctx.method === 'POST' && ctx.path === '/login') {
    await ctx.regenerateSession();
    Object.assign(/** @type {object} */ (ctx.session), { user: 'Ann' });
    return ctx.redirect('/');
  }
  if (ctx.method === 'POST' && ctx.path === '/logout') {
    ctx.session = null;
    return ctx.redirect('/');
  }
  if (ctx.path === '/') {
    ctx.type = 'html';
    ctx.body = page;
  }
});

const page = `<form method="post" action="/login"><button>Log in as Ann</button></form>
<form method="post" action="/logout"><button>Log out</button></form>
<p role="status">connecting</p>
<script>
  const said = (text) => { document.querySelector('p').textContent = text; };
  const socket = new WebSocket(location.href.replace('http', 'ws'));
  socket.onmessage = ({ data }) => said(data);
  socket.onclose = () => said('closed: log in');
</script>`;

const sockets = new WebSocketServer({ noServer: true });

/** @param {import('node:http').IncomingMessage} req @param {import('node:stream').Duplex} socket @param {Buffer} head */
async function upgrade(req, socket, head) {
  socket.on('error', () => socket.destroy());
  // Any site can open a WebSocket to this one in the visitor's name, so check the origin.
  const isOurs = /^https?:\/\/(.+)$/.exec(req.headers.origin ?? '')?.[1] === req.headers.host;
  if (!isOurs) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  const user = await userOf(req);
  if (user === undefined) return void socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
  if (user === null) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  sockets.handleUpgrade(req, socket, head, (webSocket) => {
    webSocket.send(`hello ${user}`);
    void closeOnLogout(req, webSocket);
    webSocket.on('error', () => webSocket.terminate());
  });
}

/** The connection must not outlive the login. @param {import('node:http').IncomingMessage} req @param {import('ws').WebSocket} webSocket */
async function closeOnLogout(req, webSocket) {
  try {
    const watch = await sessions.watch(req, () => webSocket.close(4401, 'logged out'));
    // It ended since it was read.
    if (watch === null) return webSocket.close(4401, 'logged out');
    if (webSocket.readyState !== webSocket.OPEN) return watch.stop();
    webSocket.on('close', () => watch.stop());
  } catch (error) {
    console.error(error);
    webSocket.close(1013, 'try again later');
  }
}

/** The user; `null` if not logged in, `undefined` if the store cannot be read. @param {import('node:http').IncomingMessage} req */
async function userOf(req) {
  try {
    return /** @type {string | undefined} */ ((await sessions.read(req))?.['user']) ?? null;
  } catch (error) {
    console.error(error);
    return undefined;
  }
}

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
server.on('upgrade', upgrade);
