// Two businesses, a shop and a blog, that keep their sessions in one store. Settings: PORT, HOST, REDIS_URL, SESSION_SECRET.
const { randomBytes } = require('node:crypto');
const { createServer } = require('node:http');
const { createApp } = require('./app');
const { MemoryClient } = require('./stores/memory');
const { RedisClient } = require('./stores/redis');

const { PORT, HOST, REDIS_URL, SESSION_SECRET } = process.env;

// Only this machine by default: anyone who can reach the demo can take its store away.
const host = HOST || 'localhost';
const client = REDIS_URL ? new RedisClient(REDIS_URL) : new MemoryClient();
const { app, viewers, close } = createApp({ client, secret: SESSION_SECRET || randomBytes(32).toString('hex') });

console.log(`sessions are kept ${client.where}${REDIS_URL ? '' : '; set REDIS_URL to keep them in Redis'}`);
if (!SESSION_SECRET) console.log('SESSION_SECRET is not set: a random one is used, and a restart logs all users out');

const server = createServer(app.callback());
server.on('error', (error) => {
  console.error(`cannot listen: ${error.message}; set PORT to a free port`);
  process.exit(1);
});
server.listen(Number(PORT || 3000), host, () => {
  const address = server.address();
  console.log(
    `http://${host.includes(':') ? `[${host}]` : host}:${address && typeof address === 'object' ? address.port : ''}`,
  );
});

/** Closes everything that keeps the process alive: first the server, then the sessions, then the client. */
async function shutDown() {
  console.log('shutting down');
  viewers.close();
  const patience = setTimeout(() => server.closeAllConnections(), 5000);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(patience);
  await close();
  await client.close();
}

process.once('SIGTERM', shutDown).once('SIGINT', shutDown);
