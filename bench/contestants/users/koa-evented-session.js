const { own, peer } = require('../../peers');
const { dataOf } = require('../../workloads');
const { BIG, usersSite, visit } = require('./site');

/** @type {typeof import('../../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../../lib/redis')} */
const { redisStore } = peer(`${own}/redis`);

const Koa = peer('koa');
const Redis = peer('ioredis');

const DAY = 86_400_000;

/** @type {(workload: import('../../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const store = redisStore({ client: new Redis(port) });
  const text = JSON.stringify(dataOf(workload.bytes));
  const sessions = session({ store, user: (stored) => /** @type {string | undefined} */ (stored['owner']) });
  const mine = sessions.of(BIG);

  const app = new Koa();
  app.keys = ['a key for the bench', 'an older key'];
  app.use(sessions);
  app.use((/** @type {any} */ ctx) => {
    Object.assign(ctx.session, JSON.parse(text), { owner: ctx.query.user });
    ctx.body = 'welcome';
  });
  const callback = app.callback();

  /** What one login has stored, to be stored again under other keys. @type {Promise<{ index: string, record: string }> | undefined} */
  let login;
  const logIn = async () => {
    const [enroll, create] = [store.enroll.bind(store), store.create.bind(store)];
    const stored = { index: '', record: '' };
    store.enroll = (index, ...rest) => {
      stored.index = index;
      return enroll(index, ...rest);
    };
    store.create = (key, record, ...rest) => {
      stored.record = record;
      return create(key, record, ...rest);
    };
    await visit(callback, `/login?user=${BIG}`);
    Object.assign(store, { enroll, create });
    return stored;
  };
  const fill = async (/** @type {number} */ n) => {
    login ??= logIn();
    const { index, record } = await login;
    // The login itself was the first.
    if (n === 0) return;
    const key = `koa:sess:filled${n}`;
    await store.enroll(index, key, DAY, 0);
    await store.create(key, record, DAY);
  };
  const list = async () => (await mine.list()).length;
  const endAll = () => mine.endAll();
  return usersSite(callback, { fill, list, endAll });
};
