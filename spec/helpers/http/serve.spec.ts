import Koa from 'koa';
import Koa2 from 'koa2';
import { browser, raw, type Served, serve } from './serve';

describe.each([
  ['koa 3', Koa],
  ['koa 2', Koa2],
])('serve, browser and raw with %s', (_name, AnyKoa) => {
  let served: Served;

  beforeEach(async () => {
    const app = new AnyKoa();
    app.use(async (ctx) => {
      if (ctx.path === '/away') return ctx.redirect('/');
      if (ctx.path === '/give') ctx.cookies.set('id', 'a b', { encode: encodeURIComponent, signed: false } as object);
      let body = '';
      for await (const chunk of ctx.req) body += chunk;
      ctx.body = { cookie: ctx.get('cookie'), type: ctx.get('content-type'), body };
    });
    app.silent = true;
    served = await serve(app);
  });

  afterEach(() => served.close());

  it('keeps cookies between requests', async () => {
    const { get, jar } = browser(served.url);
    await jar.setCookie('one=1', served.url);
    await jar.setCookie('two=2', served.url);
    expect((await get('/')).json()).toMatchObject({ cookie: 'one=1; two=2' });
    expect((await get('/', { cookie: 'mine' })).json()).toMatchObject({ cookie: 'mine' });
  });

  it('sends bodies and follows no redirect', async () => {
    const { get, post } = browser(served.url);
    expect((await post('/', { a: 1 })).json()).toMatchObject({ type: 'application/json', body: '{"a":1}' });
    expect((await post('/', 'a=1')).json()).toMatchObject({ body: 'a=1' });
    const { status, headers } = await get('/away');
    expect([status, headers.get('location')]).toEqual([302, '/']);
  });

  it('passes on malformed headers', async () => {
    const reply = await raw(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nCookie: a=\xff;;=\r\nConnection: close\r\n\r\n');
    expect(reply).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(reply).toContain('a=\xc3\xbf;;=');
  });
});
