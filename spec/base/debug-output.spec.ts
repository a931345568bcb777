import { runScript } from '../helpers/programs/process-script';

describe('debug output', () => {
  it('names the calls to the store, without ids and session data', async () => {
    const { stderr, stdout, code } = await runScript(
      'own',
      `process.env.DEBUG = 'koa-evented-session*';
       require('debug').enable('koa-evented-session*');
       const Koa = require('koa');
       const { EventEmitter } = require('node:events');
       const client = Object.assign(new EventEmitter(), {
         get: async () => ({ user: 'secret-data', cookie: {} }), set: async () => {}, destroy: async () => {},
       });
       const store = new session.Store(client);
       const app = new Koa();
       app.keys = ['the key of the specs, of more than 32 bytes'];
       app.use(session({ store, cookie: { signed: false } }));
       app.use((ctx) => { ctx.session.more = 'secret-more'; ctx.body = 'done'; });
       const server = app.listen(0, '127.0.0.1', async () => {
         const url = 'http://127.0.0.1:' + server.address().port;
         console.log(await (await fetch(url, { headers: { cookie: 'koa.sid=secret-id' } })).text());
         await store.get('secret-id');
         await store.set('secret-id', { user: 'secret-data', cookie: {} });
         await store.destroy('secret-id');
         client.emit('disconnect');
         server.close();
         server.closeAllConnections();
       });`,
    );
    expect([code, stdout]).toEqual([0, 'done\n']);
    expect(stderr).toContain('koa-evented-session:store');
    expect(stderr).not.toContain('secret');
  });
});
