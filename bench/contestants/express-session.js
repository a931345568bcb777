const { peer } = require('../peers');
const { dataOf } = require('../workloads');

const express = peer('express');
const session = peer('express-session');
const { RedisStore } = peer('connect-redis');
const { createClient } = peer('redis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const client = createClient({ socket: { port } });
  void client.connect();
  const app = express();
  const text = JSON.stringify(dataOf(workload.bytes));
  app.use(
    session({
      store: new RedisStore({ client }),
      secret: ['a key for the bench', 'an older key'],
      resave: false,
      saveUninitialized: false,
      rolling: workload.rolling ?? false,
      cookie: { maxAge: 86_400_000 },
    }),
  );
  app.get('/create', (/** @type {any} */ req, /** @type {any} */ res) => {
    Object.assign(req.session, JSON.parse(text));
    res.send('created');
  });
  app.get('/', (/** @type {any} */ req, /** @type {any} */ res) => {
    if (workload.use === 'write') req.session.views += 1;
    res.send(workload.use === 'nothing' ? 'nothing' : req.session.user.name);
  });
  return app;
};
