import session from '../../lib/main';
import { RedisStore } from '../../lib/redis';
import { codeBlocks } from '../helpers/docs/markdown';
import { type Browser, browser } from '../helpers/http/serve';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';

const blocks = codeBlocks('docs/users.md');
const blockWith = (part: string) => blocks.find(({ code }) => code.includes(part))?.code ?? '';
const SECRET = 'the secret of the specs';

describe('the programs of docs/users.md', () => {
  let program: NodeProgram | undefined;
  let redis: RedisServer | undefined;

  async function start(code: string): Promise<string> {
    program = await startNode(['--require', './spec/helpers/programs/free-port.js', '--eval', code], {
      SESSION_SECRET: SECRET,
    });
    const [url] = await program.says(/^http:\S+$/m);
    return url;
  }

  afterEach(async () => {
    await program?.end();
    await redis?.stop();
    program = redis = undefined;
  });

  it('show two devices of a user, end one, and end all others', async () => {
    const url = await start(blockWith("'/account/end/:handle'"));
    const [phone, laptop] = [browser(url), browser(url)];
    const agent = (visitor: Browser, name: string) => visitor.post('/login', undefined, { 'user-agent': name });
    await agent(phone, 'Phone <b>');
    await agent(laptop, 'Laptop');
    const page = async () => (await laptop.get('/account')).text;
    expect(await page()).toMatch(/^<ul><li>.*<li>.*<\/ul>/);
    expect(await page()).toMatch(/<li>Laptop, since [^<]+ GMT, this device/);
    const [, handle] =
      /<li>Phone &#60;b&#62;, since [^<]+ GMT, last used [^<]+ GMT <form[^>]+\/end\/([\w-]{43})"/.exec(await page()) ??
      [];

    const end = () => laptop.post(`/account/end/${handle}`);
    expect([(await end()).text, (await end()).text]).toEqual(['ended', 'had ended already']);
    expect((await phone.get('/account')).status).toBe(401);
    expect(await page()).not.toContain('Phone');

    await agent(phone, 'Phone');
    await agent(browser(url), 'Tablet');
    expect((await laptop.post('/account/end-others')).text).toBe('2 ended');
    expect(await page()).toContain('this device');
    expect((await phone.get('/account')).status).toBe(401);
  });

  it('end the other sessions after a change of password, and all after a reset', async () => {
    const url = await start(blockWith("'/reset'"));
    const [one, other] = [browser(url), browser(url)];
    const users = async () => [(await one.get('/')).text, (await other.get('/')).text];
    await one.post('/reset');
    await other.post('/reset');
    expect(await users()).toEqual(['nobody', 'ann']);
    await one.post('/reset');
    expect(await users()).toEqual(['ann', 'nobody']);
    const id = async () => /koa\.sid=([^;]+)/.exec(await one.jar.getCookieString(url))?.[1];
    const before = await id();
    expect((await one.post('/change')).text).toBe('ann');
    expect(await id()).not.toBe(before);
    expect(await users()).toEqual(['ann', 'nobody']);
  });

  it('end the sessions of a user on Redis without an application', async () => {
    redis = await startRedis();
    const store = new RedisStore({ url: redis.url });
    const sessions = session({ store, prefix: 'shop:sess:', user: (stored) => stored['user'] as string | undefined });
    const site = await closedAfterTest(
      openSite({
        use: sessions,
        routes: {
          '/login': async (ctx) => {
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = ctx.query['user'];
          },
        },
      }),
    );
    try {
      const [ann, tablet, ben] = [site.visitor(), site.visitor(), site.visitor()];
      await Promise.all([ann, tablet].map((visitor) => visitor.get('/login?user=ann')));
      await ben.get('/login?user=ben');
      program = await startNode(['--eval', blockWith('endSessionsOf'), 'ann'], { REDIS_URL: redis.url });
      await program.says(/^2 sessions of ann ended$/m);
      // It ends by itself.
      expect(await program.end('SIGCONT')).toBe(0);
      expect((await ann.get('/see')).json()).toEqual({});
      expect((await ben.get('/see')).json()).toEqual({ user: 'ben' });
    } finally {
      await sessions.close();
      await store.close();
    }
  });
});
