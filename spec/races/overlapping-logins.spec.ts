import Koa from 'koa';
import { serve } from '../helpers/http/serve';
import { type Face, faces } from '../helpers/sites/faces';
import { meeting } from '../helpers/time/gate';

const keepingData = (ctx: Koa.Context) => ctx.regenerateSession({ keepData: true });
const all: Record<string, Face> = { ...faces };
for (const name of ['the main entry', 'the main entry, on a store that only gets and sets', 'defer']) {
  all[`${name}, keeping the data`] = { ...(faces[name] as Face), login: keepingData };
}
const entries = Object.entries(all);

/** A site on which two requests to /both/... meet once both have read their session, and then both renew the id. */
async function siteOf(face: Face) {
  const app = new Koa();
  app.keys = ['secret'];
  const both = meeting(2);
  app.use(face.use(app)).use(async (ctx) => {
    const held = (await ctx.session) as unknown as Record<string, unknown>;
    if (ctx.path === '/basket') held['basket'] = 1;
    if (ctx.path.startsWith('/both/')) {
      await both();
      await face.login(ctx);
      const user = ctx.path.slice('/both/'.length);
      if (user) ((await ctx.session) as unknown as Record<string, unknown>)['user'] = user;
    }
    ctx.body = String(((await ctx.session) as unknown as Record<string, unknown>)['user']);
  });
  const { url, close } = await serve(app);
  const get = async (path: string, cookie = '') => {
    const response = await fetch(url + path, { headers: { cookie } });
    const cookies = response.headers.getSetCookie().map((line) => line.split(';')[0]);
    return { status: response.status, text: await response.text(), cookie: cookies.join('; ') };
  };
  return { get, close };
}

describe.each(entries)('two requests that renew the id of one session at the same time: %s', (_name, face) => {
  it('log in with either answer, if both log in the same user', async () => {
    const { get, close } = await siteOf(face);
    const { cookie } = await get('/basket');
    const logins = await Promise.all([get('/both/ann', cookie), get('/both/ann', cookie)]);
    for (const login of logins) expect([login.status, (await get('/', login.cookie)).text]).toEqual([200, 'ann']);
    await close();
  });

  it('do not pass the login of one to the other, which has not logged in', async () => {
    const { get, close } = await siteOf(face);
    const { cookie } = await get('/basket');
    const [login, other] = await Promise.all([get('/both/ann', cookie), get('/both/', cookie)]);
    if (login.cookie) expect((await get('/', login.cookie)).text).toBe('ann');
    expect([other.status, (await get('/', other.cookie)).text]).toEqual([200, 'undefined']);
    await close();
  });
});
