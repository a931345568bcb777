import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { knexStore } from '../../../lib/knex';
import session, { MemoryStore, type SessionStore } from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { type ResealProgress, type SealedOptions, sealed } from '../../../lib/sealed';
import { type SqlDatabase, sqlDatabases } from '../../helpers/databases/sql-databases';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../../helpers/sites/session-site';
import { MapClient } from '../../helpers/stores/map-client';
import { RightEnumerableClient } from '../../helpers/stores/right-client';
import { KEY, OLD, OTHER } from '../../helpers/stores/sealing';

const HOUR = 60 * 60 * 1000;
const PREFIX = 'koa:sess:';
const numberOf = (key: string) => {
  const store = new MemoryStore();
  sealed(store, { keys: [key] }).create('sid', '{}', HOUR);
  return String(store.load('sid')?.record).slice(10, 16);
};
const [NEW_NUMBER, OLD_NUMBER] = [numberOf(KEY), numberOf(OLD)];
const tomorrow = () => new Date(Date.now() + 24 * HOUR);

type Clearable = SessionStore & Pick<MemoryStore, 'create' | 'load' | 'touch' | 'keys' | 'swap' | 'destroy'>;

describe('reseal()', () => {
  /** Records of every kind: what is stored, by key. */
  const filled = (store: Clearable) => {
    const [old, now, other] = [[OLD], [KEY], [OTHER]].map((keys) => sealed(store, { keys }));
    const make = (client: typeof old, sid: string, ttl = HOUR) =>
      client?.create(`${PREFIX}${sid}`, `{"sid":"${sid}","cookie":{}}`, ttl);
    make(old, 'old');
    make(old, 'short', 1000);
    make(now, 'new');
    make(other, 'unknown');
    store.create(`${PREFIX}plain`, '{"sid":"plain","cookie":{}}', HOUR);
    store.create(`${PREFIX}marker`, 'null \t', HOUR);
    store.create(`${PREFIX}foreign`, '[1]', HOUR);
    store.create('other:plain', '{}', HOUR);
    return (sid: string) => String((store.load(`${PREFIX}${sid}`) as { record: string } | undefined)?.record);
  };
  const sealedWith = (number: string) => expect.stringMatching(new RegExp(`^"sealed\\.1\\.${number}\\.`));

  it('leaves the records of a longer prefix, whose application could not open them', async () => {
    const store = new MemoryStore();
    store.create(`${PREFIX}own`, '{"cookie":{}}', HOUR);
    store.create(`${PREFIX}eu:theirs`, '{"cookie":{}}', HOUR);
    const client = sealed(store, { keys: [KEY], readPlainUntil: tomorrow() });
    expect(await client.reseal()).toEqual({ scanned: 2, resealed: 1, skipped: 1 });
    expect(store.load(`${PREFIX}eu:theirs`)?.record).toBe('{"cookie":{}}');
  });

  it('seals with the first key what another has sealed, and what is plain, and leaves all else', async () => {
    const store = new MemoryStore();
    const textOf = filled(store);
    const [unknown, now] = [textOf('unknown'), textOf('new')];
    const client = sealed(store, { keys: [KEY, OLD], readPlainUntil: tomorrow() });
    expect(await client.reseal()).toEqual({ scanned: 7, resealed: 3, skipped: 2 });
    for (const sid of ['old', 'short', 'plain']) {
      expect(textOf(sid)).toEqual(sealedWith(NEW_NUMBER));
      expect(await client.get(`${PREFIX}${sid}`)).toEqual({ sid, cookie: {} });
    }
    expect([textOf('unknown'), textOf('new'), textOf('marker'), textOf('foreign')]).toEqual([
      unknown,
      now,
      'null \t',
      '[1]',
    ]);
    expect(store.load('other:plain')?.record).toBe('{}');
    expect(store.load(`${PREFIX}short`, { ttl: true })?.ttl).toBeLessThanOrEqual(1000);
    expect(await client.reseal({ prefix: PREFIX })).toEqual({ scanned: 7, resealed: 0, skipped: 2 });
  });

  it('leaves plain records that may not be read', async () => {
    const store = new MemoryStore();
    const textOf = filled(store);
    expect(await sealed(store, { keys: [KEY] }).reseal()).toEqual({ scanned: 7, resealed: 0, skipped: 5 });
    expect(textOf('plain')).toBe('{"sid":"plain","cookie":{}}');
  });

  it('writes all records that can be opened unsealed, with `writePlain`', async () => {
    const store = new MemoryStore();
    const textOf = filled(store);
    const client = sealed(store, { keys: [KEY, OLD], writePlain: true });
    expect(await client.reseal()).toEqual({ scanned: 7, resealed: 3, skipped: 1 });
    expect([textOf('old'), textOf('new')]).toEqual(['{"sid":"old","cookie":{}}', '{"sid":"new","cookie":{}}']);
  });

  it('goes on from the cursor of a walk that was aborted', async () => {
    const store = new MemoryStore();
    const old = sealed(store, { keys: [OLD] });
    for (let n = 0; n < 2500; n += 1) old.create(`${PREFIX}${n}`, '{}', HOUR);
    const client = sealed(store, { keys: [KEY, OLD] });
    const abort = new AbortController();
    const told: ResealProgress[] = [];
    const onProgress = (progress: ResealProgress) => {
      told.push(progress);
      abort.abort(new Error('enough'));
    };
    await expect(client.reseal({ onProgress, signal: abort.signal })).rejects.toThrow('enough');
    const [first] = told;
    expect(told).toEqual([{ scanned: 1000, resealed: 1000, skipped: 0, cursor: expect.any(String) }]);
    const rest = await client.reseal({ from: first?.cursor, onProgress: (progress) => told.push(progress) });
    expect([rest, told.at(-1)?.cursor]).toEqual([{ scanned: 1500, resealed: 1500, skipped: 0 }, undefined]);
  });

  it('does not undo what others do between its two calls', async () => {
    const store = new MemoryStore();
    const client = sealed(store, { keys: [KEY, OLD] });
    const old = sealed(store, { keys: [OLD] });
    for (const sid of ['touched', 'written', 'marked', 'ended']) old.create(PREFIX + sid, '{"n":1}', 1000);
    const meanwhile: Record<string, () => unknown> = {
      touched: () => store.touch(`${PREFIX}touched`, HOUR),
      written: () => old.set(`${PREFIX}written`, { cookie: {}, n: 2 }, HOUR),
      marked: () => store.mark(`${PREFIX}marked`, 3),
      ended: () => store.remove(`${PREFIX}ended`),
    };
    const load = store.load.bind(store);
    store.load = (key, options) => {
      const found = load(key, options);
      const sid = key.slice(PREFIX.length);
      const act = meanwhile[sid];
      delete meanwhile[sid];
      void act?.();
      return found;
    };
    expect(await client.reseal()).toEqual({ scanned: 4, resealed: 3, skipped: 0 });
    const found = (sid: string) =>
      client.load(PREFIX + sid, { ttl: true }) as { record: string; ttl: number } | undefined;
    expect(found('touched')?.ttl).toBeGreaterThan(HOUR / 2);
    expect(found('written')?.record).toBe('{"cookie":{},"n":2}');
    expect(found('marked')?.record).toBe('{"n":1}   ');
    expect(found('ended')).toBe(undefined);
    for (const sid of ['touched', 'written', 'marked'])
      expect(load(PREFIX + sid)?.record).toEqual(sealedWith(NEW_NUMBER));
  });

  it.each([[false], [true]])(
    'does not hold up a regeneration that another request makes repeat, with the option user: %p',
    async (isGiven) => {
      const client = new MemoryStore();
      const use = session({ store: sealed(client, { keys: [OLD, KEY] }), user: isGiven ? user : undefined });
      const site = await closedAfterTest(openSite({ use, routes }));
      const ann = site.visitor();
      await ann.get('/login');
      const cookie = await ann.jar.getCookieString(site.url);
      const swap = client.swap.bind(client);
      client.swap = (async (...args: Parameters<typeof swap>) => {
        client.swap = swap;
        await site.visitor().get('/count', { cookie });
        expect(await sealed(client, { keys: [KEY, OLD] }).reseal()).toMatchObject({ resealed: 2 });
        return swap(...args);
      }) as never;
      expect((await ann.get('/rotate')).status).toBe(200);
      expect(await ann.jar.getCookieString(site.url)).not.toBe(cookie);
      expect((await ann.get('/see')).json()).toMatchObject({ user: 'Annabella', n: 1 });
    },
  );

  it('keeps the ttl with a client that has only the methods of the contract', async () => {
    const store = new RightEnumerableClient();
    const old = sealed(store, { keys: [OLD] });
    await old.create(`${PREFIX}sid`, '{"n":1}', 1000);
    const client = sealed(store, { keys: [KEY, OLD] });
    expect(await client.reseal()).toEqual({ scanned: 1, resealed: 1, skipped: 0 });
    const found = (await store.load(`${PREFIX}sid`, { ttl: true })) as { record: string; ttl: number };
    expect(found.record).toEqual(sealedWith(NEW_NUMBER));
    expect([found.ttl > 0, found.ttl <= 1000]).toEqual([true, true]);
  });

  it.each<[string, () => SessionStore, object | undefined, string]>([
    [
      'a client that cannot compare',
      () => new MapClient(),
      undefined,
      'Expected `store` to list its records and to compare, for `reseal()`: use redisStore()',
    ],
    [
      'a prefix that is no text',
      () => new MemoryStore(),
      { prefix: 1 },
      'Expected `prefix` to be a string, got `1` (number)',
    ],
    [
      'a cursor of something else',
      () => new MemoryStore(),
      { from: 'abc' },
      'Expected `from` to be the `cursor` of an earlier progress with the same store and prefix, got `abc` (string)',
    ],
    [
      'a signal of something else',
      () => new MemoryStore(),
      { signal: {} },
      'Expected `signal` to be an AbortSignal, got an object',
    ],
  ])('refuses %s', async (_what, make, options, message) => {
    const outcome: unknown = await sealed(make(), { keys: [KEY] })
      .reseal(options)
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(TypeError);
    expect((outcome as Error).message).toContain(message);
  });
});

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx['regenerateSession']();
    Object.assign(await sessionOf(ctx), { user: 'Annabella', secret: 'chrysanthemum', n: 0 });
  },
  '/count': (ctx) =>
    ctx['sessionHandler'].update((held: session.Session) => {
      held['n'] = Number(held['n']) + 1;
    }),
  '/rotate': (ctx) => ctx['regenerateSession']({ keepData: true }),
};
const user = (held: session.Session) => held['user'] as string | undefined;

describe('On servers', () => {
  let redis: RedisServer;
  let inRedis: RedisStore;
  let database: SqlDatabase;
  let inSqlite: ReturnType<typeof knexStore>;
  beforeAll(async () => {
    [redis, database] = await Promise.all([startRedis({ args: ['--rdbcompression', 'no'] }), sqlDatabases.SQLite()]);
    inRedis = redisStore({ host: '127.0.0.1', port: redis.port });
    // Each sealed client listens to it.
    inRedis.setMaxListeners(50);
    inSqlite = knexStore({ knex: database.open(), sweepInterval: 0 });
    await inSqlite.get('sid');
  });
  afterAll(async () => {
    await inRedis.close();
    await Promise.all([redis.stop(), database.stop()]);
  });
  const stores: [string, () => Clearable][] = [
    ['Redis', () => inRedis as unknown as Clearable],
    ['SQLite', () => inSqlite as unknown as Clearable],
  ];

  const siteOn = (store: SessionStore) => closedAfterTest(openSite({ use: session({ store, user }), routes }));

  it.each(stores)('a dump of %s has no word of the data', async (name, open) => {
    const site = await siteOn(sealed(open(), { keys: [KEY] }));
    const ann = site.visitor();
    for (const path of ['/login', '/count', '/rotate', '/put?more=rhododendron', '/count'])
      expect((await ann.get(path)).status).toBe(200);
    expect((await ann.get('/see')).json()).toMatchObject({ secret: 'chrysanthemum', n: 2, more: 'rhododendron' });
    if (name === 'Redis') await redis.command('SAVE');
    const file =
      name === 'Redis' ? join(redis.dir, 'dump.rdb') : (database.config.connection as { filename: string }).filename;
    const dump =
      (await readFile(file)).toString('latin1') +
      (name === 'Redis' ? '' : (await readFile(`${file}-wal`).catch(() => '')).toString('latin1'));
    expect(dump).toContain(`sealed.1.${NEW_NUMBER}`);
    expect(dump).not.toMatch(/Annabella|chrysanthemum|rhododendron|"cookie"|"user"/);
  });

  it.each(stores)(
    'the move to sealed records, a rotation and the way back log nobody out on %s',
    async (_name, open) => {
      const store = open();
      const steps: [string, SessionStore, boolean][] = [];
      const add = (what: string, options: SealedOptions) => steps.push([what, sealed(store, options), true]);
      steps.push(['plain', store, false]);
      add('reads both, writes plain', { keys: [OLD], writePlain: true });
      add('writes sealed', { keys: [OLD], readPlainUntil: tomorrow() });
      add('only sealed', { keys: [OLD] });
      add('knows the new key', { keys: [OLD, KEY] });
      add('seals with the new key', { keys: [KEY, OLD] });
      add('only the new key', { keys: [KEY] });
      add('reads plain again', { keys: [KEY], readPlainUntil: tomorrow() });
      add('writes plain again', { keys: [KEY], writePlain: true });
      steps.push(['plain again', store, false]);

      const sites = await Promise.all(steps.map(([, client]) => siteOn(client)));
      const visitors = Array.from({ length: 3 }, () => sites[0]?.visitor());
      const cookies: string[] = [];
      for (const visitor of visitors) {
        await visitor?.get('/login');
        cookies.push((await visitor?.jar.getCookieString(String(sites[0]?.url))) ?? '');
      }
      let counted = 0;
      for (const [n, [, client, canReseal]] of steps.entries()) {
        // While a step is rolled out, the processes of the step before still serve.
        const serving = [sites[n], sites[n - 1]].filter((site) => site !== undefined);
        const count = (cookie: string) => serving.map((site) => site.visitor().get('/count', { cookie }));
        const replies = await Promise.all(cookies.flatMap(count));
        counted += serving.length;
        expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
        if (!canReseal) continue;
        const traffic = Promise.all(cookies.map((cookie) => sites[n]?.visitor().get('/count', { cookie })));
        await (client as ReturnType<typeof sealed>).reseal();
        counted += (await traffic).length > 0 ? 1 : 0;
      }
      for (const cookie of cookies)
        expect((await sites.at(-1)?.visitor().get('/see', { cookie }))?.json()).toMatchObject({
          user: 'Annabella',
          n: counted,
        });
      expect(sites.flatMap(({ errors }) => errors)).toEqual([]);
      expect(sites.flatMap((site) => site.events()).filter((name) => /invalid|missed|gone/.test(name))).toEqual([]);
    },
  );

  it.each(stores)('it loses no write, and revives no session, beside traffic on %s', async (_name, open) => {
    const store = open();
    const before = await siteOn(sealed(store, { keys: [OLD] }));
    const site = await siteOn(sealed(store, { keys: [OLD, KEY] }));
    const visitors = Array.from({ length: 8 }, () => before.visitor());
    const ids: string[] = [];
    for (const visitor of visitors) ids.push(String(sentId(await visitor.get('/login'))));
    const cookies = await Promise.all(visitors.map(({ jar }) => jar.getCookieString(before.url)));
    const client = sealed(store, { keys: [KEY, OLD] });
    let isOver = false;
    const walking = (async () => {
      do await client.reseal();
      while (!isOver);
    })();
    const counts = await Promise.all(
      cookies.map(async (cookie, n) => {
        for (let turn = 1; turn <= 5; turn += 1) await site.visitor().get('/count', { cookie });
        if (n % 2 === 0) await site.visitor().get('/logout', { cookie });
        return (await site.visitor().get('/see', { cookie })).json<{ n?: number }>().n;
      }),
    );
    isOver = true;
    await walking;
    expect(counts).toEqual(counts.map((_count, n) => (n % 2 === 0 ? undefined : 5)));
    const texts = await Promise.all(ids.map(async (sid) => (await store.load(PREFIX + sid))?.record.slice(1, 16)));
    expect(texts).toEqual(texts.map((_text, n) => (n % 2 === 0 ? undefined : `sealed.1.${NEW_NUMBER}`)));
    expect([...before.errors, ...site.errors]).toEqual([]);
  });

  it.each(stores)('it keeps the ttl of a record on %s, whatever its length', async (_name, open) => {
    const store = open();
    const old = sealed(store, { keys: [OLD] });
    const long = JSON.stringify({ text: 'é'.repeat(3000) });
    await old.create(`${PREFIX}a:short`, '{"n":1}', 5000);
    await old.create(`${PREFIX}a:long`, long, 5000);
    const client = sealed(store, { keys: [KEY, OLD] });
    expect(await client.reseal({ prefix: `${PREFIX}a:` })).toEqual({ scanned: 2, resealed: 2, skipped: 0 });
    for (const [sid, record] of [
      ['short', '{"n":1}'],
      ['long', long],
    ] as const) {
      const found = (await client.load(`${PREFIX}a:${sid}`, { ttl: true })) as { record: string; ttl: number };
      expect([found.record === record, found.ttl > 0, found.ttl <= 5000]).toEqual([true, true, true]);
    }
  });

  it('it leaves a record without an end as it is, on Redis', async () => {
    await redis.command(`SET ${PREFIX}b:forever {}`);
    const client = sealed(inRedis, { keys: [KEY], readPlainUntil: tomorrow() });
    await client.reseal({ prefix: `${PREFIX}b:` });
    expect(await redis.command(`GET ${PREFIX}b:forever`)).toContain(NEW_NUMBER);
    expect(await redis.command(`PTTL ${PREFIX}b:forever`)).toContain('-1');
    expect(OLD_NUMBER).not.toBe(NEW_NUMBER);
  });
});
