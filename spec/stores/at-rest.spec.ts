import { createSessionsTable, createSessionUsersTable, knexStore } from '../../lib/knex';
import type { SessionStore } from '../../lib/main';
import { readMarker } from '../../lib/record/marker';
import { redisStore } from '../../lib/redis';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { browser } from '../helpers/http/serve';
import { driverOf } from '../helpers/redis/drivers';
import { startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { dumpOfRedis, dumpOfSql } from '../helpers/stores/dump';

import session = require('../../lib/main');

interface Place {
  store: SessionStore;
  dump(): Promise<string>;
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
  return { store: redisStore({ client }), dump: () => dumpOfRedis(redis), stop };
}

async function onSql(kind: keyof typeof sqlDatabases): Promise<Place> {
  const database = await sqlDatabases[kind]();
  const knex = database.open();
  await createSessionsTable(knex);
  await createSessionUsersTable(knex);
  return { store: knexStore({ knex }), dump: () => dumpOfSql(knex), stop: () => database.stop() };
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
});
