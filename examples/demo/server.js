// Two businesses, a shop and a blog, with their sessions in one store. Settings: PORT, BLOG_PORT, REDIS_URL, SESSION_SECRET.
const { randomBytes } = require('node:crypto');
const { createServer } = require('node:http');
const { MemoryStore } = require('koa-evented-session');
const redisStore = require('koa-redis');
const { createApp } = require('./app');

const { PORT, BLOG_PORT, REDIS_URL, SESSION_SECRET } = process.env;
const port = Number(PORT || 3000);

const redis = REDIS_URL ? redisStore({ url: REDIS_URL }) : undefined;
const store = redis ?? new MemoryStore();
const secret = SESSION_SECRET || randomBytes(32).toString('hex');

console.log(redis ? 'sessions are kept in Redis' : 'sessions are kept in memory; set REDIS_URL to keep them in Redis');
if (!SESSION_SECRET) console.log('SESSION_SECRET is not set: a random one is used, and a restart logs everybody out');

// A prefix each keeps their records apart, and a cookie name each their cookies: browsers share cookies between ports.
const businesses = [
  { ...createApp({ name: 'shop', store, secret }), name: 'shop', port },
  { ...createApp({ name: 'blog', store, secret }), name: 'blog', port: Number(BLOG_PORT || (port && port + 1)) },
];

const servers = businesses.map((business) => {
  const server = createServer(business.app.callback());
  server.listen(business.port, () => {
    const address = server.address();
    console.log(`${business.name}: http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
  });
  return server;
});

/** Ends what holds the process: first the requests, then the sessions, then the client, which is ours to end. */
async function shutDown() {
  console.log('shutting down');
  const impatient = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, 5000);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  clearTimeout(impatient);
  await Promise.all(businesses.map(({ sessions }) => sessions.close()));
  // With Redis gone, QUIT would wait for it to come back.
  if (redis?.connected) await redis.quit();
  else redis?.client.disconnect();
}

process.once('SIGTERM', shutDown).once('SIGINT', shutDown);
