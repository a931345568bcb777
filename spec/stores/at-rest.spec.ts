import { setTimeout as pause } from 'node:timers/promises';
import Koa from 'koa';
import { createSessionsTable, createSessionUsersTable, knexStore } from '../../lib/knex';
import type { SessionStore } from '../../lib/main';
import { readMarker } from '../../lib/record/marker';
import { redisStore } from '../../lib/redis';
import { sealed } from '../../lib/sealed';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { randomFrom } from '../helpers/http/cookie-noise';
import { LightJar } from '../helpers/http/light-requests';
import { browser, serve } from '../helpers/http/serve';
import { comparing, everywhere } from '../helpers/races/kinds';
import { racing } from '../helpers/races/routes';
import { driverOf } from '../helpers/redis/drivers';
import { startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { dumpOfRedis, dumpOfSql } from '../helpers/stores/dump';
import { KEY } from '../helpers/stores/sealing';

import session = require('../../lib/main');

const SEED = Number(process.env['SEED'] ?? 20_300_106);

interface Place {
  store: SessionStore;
  dump(): Promise<string>;
  clear(): Promise<unknown>;
  stop(): Promise<unknown>;
}

async function onRedis(): Promise<Place> {
  const redis = await startRedis();
  const driver = driverOf('ioredis5');
  const client = driver.open({ host: '127.0.0.1', port: redis.port });
  const stop = async () => {
    await driver.end(client);
    await redis.stop();
  };
  return {
    store: redisStore({ client }),
    dump: () => dumpOfRedis(redis),
    clear: () => redis.command('FLUSHALL'),
    stop,
  };
}

async function onSql(kind: keyof typeof sqlDatabases): Promise<Place> {
  const database = await sqlDatabases[kind]();
  const knex = database.open();
  await createSessionsTable(knex);
  await createSessionUsersTable(knex);
  const clear = () => Promise.all([knex('sessions').del(), knex('sessions_users').del()]);
  return { store: knexStore({ knex }), dump: () => dumpOfSql(knex), clear, stop: () => database.stop() };
}

const places: [string, () => Promise<Place>][] = [
  ['Redis', onRedis],
  ...(Object.keys(sqlDatabases) as (keyof typeof sqlDatabases)[]).map((kind): [string, () => Promise<Place>] => [
    kind,
    () => onSql(kind),
  ]),
];

/** What visitors do in whose sessions everything happens that leaves something in the store. Resolves to all ids. */
async function visits(store: SessionStore, ids: 'plain' | 'hashed'): Promise<Set<string>> {
  const sids = new Set<string>();
  const sessions = session({
    store,
    ids,
    user: (held) => held['user'] as string,
    renewId: { after: 1, grace: 60_000 },
  });
  const routes = {
    '/rotate': (ctx: { regenerateSession(how: object): unknown }) => ctx.regenerateSession({ keepData: true }),
    '/login': (ctx: { regenerateSession(): unknown }) => ctx.regenerateSession(),
  };
  const site = await closedAfterTest(openSite({ use: sessions, routes }));
  const note = (lines: readonly string[]) => {
    for (const [, sid] of lines.join('\n').matchAll(/koa\.sid=([^;]+)/g)) if (sid) sids.add(sid);
  };
  await Promise.all(
    ['ann', 'bob', 'eve'].map(async (name) => {
      const { get, jar } = site.visitor();
      for (const path of [`/put?user=${name}`, '/see', '/rotate', '/put?a=1', '/login', `/put?user=${name}`, '/see']) {
        const tab = browser(site.url, jar.cloneSync());
        const replies = await Promise.all([get(path), tab.get('/put?b=2'), tab.get('/see')]);
        for (const reply of replies) note(reply.setCookie);
      }
      if (name === 'eve') await get('/logout');
    }),
  );
  await sessions.of('bob').endAll();
  await sessions.close();
  return sids;
}

/** The ids that lie in the dump, also in the white space of markers. */
function found(dump: string, sids: ReadonlySet<string>): string[] {
  const markers = dump.replace(/\\[nrt]/g, (escaped) => JSON.parse(`"${escaped}"`)).match(/null[ \n\r\t]{40,}/g) ?? [];
  const told = markers.map((text) => readMarker(text)?.id);
  return [...sids].filter((sid) => dump.includes(sid) || told.includes(sid));
}

const OWNER = 'proprietor-of-the-sessions';
/** What the requests of the races write is longer than what could be found by chance. */
const longer = (path: string) => (/user$/.test(path) ? path : `${path}-confidential-${path.length}`);
/** In what is written beside: the attributes of the cookie, and the names of what the engine notes. */
const OTHER_WORDS = ['"ann"', '"user"', '"count"', '"login"', 'confidential', OWNER, 'maxAge', 'began', 'handle'];

/** All races, some with an end of all sessions of the user, in two applications on one store. Resolves to all ids. */
async function races(store: SessionStore, random: () => number): Promise<Set<string>> {
  const sids = new Set<string>();
  for (const [n, { requests, options }] of Object.values({ ...everywhere, ...comparing }).entries()) {
    const sessions = [1, 2].map(() =>
      session({ store, ids: 'hashed', user: (held) => held[OWNER] as string | undefined, ...options }),
    );
    const sites = await Promise.all(
      sessions.map((use) => {
        const app = new Koa();
        app.keys = ['the key of the races, which is long enough'];
        return serve(app.use(use).use(racing(() => pause(random() * 5))));
      }),
    );
    const any = () => browser(String(sites[Math.floor(random() * sites.length)]?.url));
    const jar = new LightJar();
    const ask = async (path: string) => {
      const reply = await any().get(path, { cookie: jar.header });
      jar.take(reply.setCookie);
      for (const [, sid] of reply.setCookie.join('\n').matchAll(/koa\.sid=([^;]+)/g)) if (sid) sids.add(sid);
    };
    for (const path of ['/login/ann', `/write/${OWNER}`, '/keep/before']) await ask(path);
    const ending = n % 5 === 0 ? sessions[0]?.of(OWNER).endAll() : undefined;
    await Promise.all([ending, ...requests.map((path) => ask(longer(path)))]);
    await Promise.all([...sites.map((site) => site.close()), ...sessions.map((one) => one.close())]);
  }
  return sids;
}

describe.each(places)('A dump of %s', (_where, open) => {
  let place: Place;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(() => place.stop());

  it('has no session id under hashed ids, not even in what a regenerated session leaves behind', async () => {
    const hashed = await visits(place.store, 'hashed');
    const dump = await place.dump();
    expect(hashed.size).toBeGreaterThan(6);
    expect(dump).toContain('koa:sess:');
    expect(dump).toMatch(/null[ \\]/);
    expect(found(dump, hashed)).toEqual([]);
    // The same look finds plain ids.
    const plain = await visits(place.store, 'plain');
    expect(found(await place.dump(), plain).length).toBeGreaterThan(3);
  });

  it(`has no id, no user and no word of the data after all races with hashed ids and sealed records, seed ${SEED}`, async () => {
    const store = sealed(place.store, { keys: [KEY] });
    await place.clear();
    const sids = await races(store, randomFrom(SEED));
    const dump = await place.dump();
    expect(sids.size).toBeGreaterThan(20);
    expect(dump.split('sealed.1.').length).toBeGreaterThan(4);
    expect(found(dump, sids)).toEqual([]);
    expect(
      OTHER_WORDS.filter((word) => dump.includes(word) || dump.includes(JSON.stringify(word).slice(1, -1))),
    ).toEqual([]);
    // The same look finds them in what is not sealed.
    const plain = new session.MemoryStore();
    await races(plain, randomFrom(SEED));
    const texts = plain
      .keys('')
      .keys.map((key) => plain.load(key)?.record)
      .join();
    expect(OTHER_WORDS.filter((word) => texts.includes(word))).toEqual(OTHER_WORDS);
  });
});
