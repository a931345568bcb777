// A site in a process of its own: on-change is an ES module, which jest cannot load.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const Koa = require('koa');
const session = require('koa-evented-session');
const { proxiedRoutes } = require('../sites/proxied-routes.js');

const packages = createRequire(new URL('../../interop/package.json', import.meta.url));
const { default: onChange } = await import(pathToFileURL(packages.resolve('on-change')).href);

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
app.use(session({ defer: process.env['DEFER'] === 'true' }));
const routes = proxiedRoutes((value) => onChange(value, () => undefined));
app.use(async (ctx) => {
  const see = async () => ({ ...(await ctx.session), cookie: undefined });
  ctx.body = JSON.stringify((await (routes[ctx.path] ?? see)(ctx)) ?? null);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
});
