import session, { type SessionOptions, type SessionStore, Store } from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { command } from '../../helpers/cli/command';
import { codeBlocks } from '../../helpers/docs/markdown';
import type { Browser } from '../../helpers/http/serve';
import { endOf, type KoaRedis, koaRedis } from '../../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { openSite, type Site, sentId } from '../../helpers/sites/session-site';
import { MapClient } from '../../helpers/stores/map-client';

describe('Businesses that share one Redis', () => {
  let redis: RedisServer;
  const clients: KoaRedis[] = [];
  const sites: Site[] = [];
  const connect = () => {
    const client = koaRedis(redis);
    clients.push(client);
    return client;
  };
  /** A business: a separate application, whose visitors may present any id since the cookie is not signed. */
  const open = async (store: SessionStore, prefix: string, options: SessionOptions = {}) => {
    const use = session({ store, prefix, cookie: { signed: false }, ...options });
    const site = await openSite({
      use,
      routes: { '/renew': (ctx) => ctx['regenerateSession']({ keepData: true }) },
    });
    sites.push({ ...site, close: () => Promise.all([site.close(), use.close()]).then(() => undefined) });
    return site;
  };

  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterEach(async () => {
    await Promise.all(sites.splice(0).map((site) => site.close()));
    await Promise.all(clients.splice(0).map(endOf));
  });
  afterAll(() => redis.stop());

  /** The id that a visitor got with their first data. */
  const login = async (visitor: Browser, user: string) => String(sentId(await visitor.get(`/put?user=${user}`)));
  const see = async (site: Site, sid: string) =>
    (await site.visitor().get('/see', { cookie: `koa.sid=${sid}` })).json();

  describe.each([
    ['through one client', () => Array(2).fill(connect()) as [SessionStore, SessionStore]],
    ['through a client each', (): [SessionStore, SessionStore] => [connect(), connect()]],
    ['through one Map, as without Redis', () => Array(2).fill(new MapClient()) as [SessionStore, SessionStore]],
  ])('%s', (_how, stores) => {
    let shop: Site;
    let bank: Site;
    let visitor: Browser;
    let sid: string;
    beforeEach(async () => {
      const [one, other] = stores();
      shop = await open(one, 'shop:sess:');
      bank = await open(other, 'bank:sess:');
      visitor = shop.visitor();
      sid = await login(visitor, 'ann');
    });

    it('do not see a session of the other, even if its id is presented', async () => {
      expect(await see(bank, sid)).toEqual({});
      expect(await see(shop, sid)).toEqual({ user: 'ann' });
      expect(bank.events()).toEqual(['session:missed']);
    });

    it('do not adopt an id of the other', async () => {
      const reply = await bank.visitor().get('/put?user=bob', { cookie: `koa.sid=${sid}` });
      const own = sentId(reply);
      expect(own).toMatch(/^[\w-]{24}$/);
      expect(own).not.toBe(sid);
      expect(await see(bank, sid)).toEqual({});
      expect(await see(shop, String(own))).toEqual({});
    });

    it('cannot end a session of the other', async () => {
      await bank.visitor().get('/logout', { cookie: `koa.sid=${sid}` });
      await bank.visitor().get('/renew', { cookie: `koa.sid=${sid}` });
      expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
    });
  });

  it('may have the same id for two separate sessions', async () => {
    const client = connect();
    const genSid = () => 'the-same-id';
    const shop = await open(client, 'shop:sess:', { genSid });
    const bank = await open(client, 'bank:sess:', { genSid });
    const [customer, saver] = [shop.visitor(), bank.visitor()];
    expect([await login(customer, 'ann'), await login(saver, 'bob')]).toEqual(['the-same-id', 'the-same-id']);
    expect(await redis.command('DBSIZE')).toBe('2');
    await saver.get('/put?money=5');
    expect((await customer.get('/see')).json()).toEqual({ user: 'ann' });
    await customer.get('/logout');
    expect((await customer.get('/see')).json()).toEqual({});
    expect((await saver.get('/see')).json()).toEqual({ user: 'bob', money: '5' });
  });

  it('may regenerate an id that the other has too', async () => {
    const client = connect();
    const ids = ['the-same-id', 'another-id'];
    const shop = await open(client, 'shop:sess:', { genSid: () => String(ids.shift()) });
    const bank = await open(client, 'bank:sess:', { genSid: () => 'the-same-id' });
    const [customer, saver] = [shop.visitor(), bank.visitor()];
    await login(customer, 'ann');
    await login(saver, 'bob');
    expect(sentId(await customer.get('/renew'))).toBe('another-id');
    await saver.get('/put?money=5');
    expect((await saver.get('/see')).json()).toEqual({ user: 'bob', money: '5' });
    expect((await customer.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('keep their records under their own prefixes', async () => {
    const client = connect();
    const sids = [
      await login((await open(client, 'shop:sess:')).visitor(), 'ann'),
      await login((await open(client, 'bank:sess:')).visitor(), 'bob'),
    ];
    expect(await redis.command(`EXISTS shop:sess:${sids[0]} bank:sess:${sids[1]}`)).toBe('2');
    expect(await redis.command('DBSIZE')).toBe('2');
  });

  it('do not see each other through two Stores of one application either', async () => {
    const client = connect();
    const [shop, bank] = [new Store(client, { prefix: 'shop:' }), new Store(client, { prefix: 'bank:' })];
    await shop.set('sid', { cookie: {}, user: 'ann' });
    expect(await bank.get('sid')).toBeNull();
    await bank.destroy('sid');
    expect(await shop.get('sid')).toMatchObject({ user: 'ann' });
    shop.close();
    bank.close();
  });

  describe('with a separate Redis user each, as in docs/prefixes.md', () => {
    const user = { username: 'shop', password: 'a password' };
    const [block] = codeBlocks('docs/prefixes.md').filter(({ code }) => code.includes('ACL SETUSER'));
    const rules = String(block?.code.trim().split('ACL SETUSER shop ')[1]);
    const asUser = () => ({ ...user, host: '127.0.0.1', port: redis.port, disconnectTimeout: 50 });
    const setUser = (text: string) =>
      redis.command(`ACL SETUSER shop ${text.replace(/'>a password'/, '>"a password"').replaceAll("'", '')}`);
    const printed = async (options: string) => (await command(`acl --prefix shop:sess: ${options}`)).out.trim();

    it('are told the line that the command prints', async () => {
      expect(`ACL SETUSER shop ${rules.replace("'>a password' ", '')}`).toBe(await printed(''));
    });

    it.each(['koa-evented-session/redis', 'koa-redis'])(
      'cannot reach the sessions of the other, with %s',
      async (kind) => {
        await setUser(`reset ${rules}`);
        if (kind === 'koa-redis') await redis.command(await printed('--client koa-redis'));
        const store = kind === 'koa-redis' ? koaRedis(redis, { ...user }) : redisStore(asUser());
        const shop = await open(store as SessionStore, 'shop:sess:', { rolling: true });
        const visitor = shop.visitor();
        await login(visitor, 'ann');
        await visitor.get('/put?money=5');
        await visitor.get('/renew');
        expect((await visitor.get('/see')).json()).toEqual({ user: 'ann', money: '5' });
        await visitor.get('/logout');
        expect((await visitor.get('/see')).json()).toEqual({});
        expect(shop.errors).toEqual([]);

        if (kind !== 'koa-redis') {
          const own = store as RedisStore;
          await own.create('shop:sess:marked', '{}', 60_000);
          expect(await own.mark('shop:sess:marked', 1)).toMatchObject({ record: '{} ' });
        }

        const bank = await open(store as SessionStore, 'bank:sess:');
        expect((await bank.visitor().get('/see', { cookie: 'koa.sid=of-the-bank' })).status).toBe(500);
        expect(bank.errors).toMatchObject([{ code: 'ERR_SESSION_STORE', message: expect.stringContaining('NOPERM') }]);
        if (kind === 'koa-redis') await endOf(store as KoaRedis);
        else await (store as RedisStore).close();
      },
    );
  });
});
