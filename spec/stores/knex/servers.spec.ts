import type { Knex } from 'knex';
import { knexStore } from '../../../lib/knex';
import session, { type StoreError } from '../../../lib/main';
import { type SqlServer, sqlServers } from '../../helpers/databases/sql-databases';
import { browser } from '../../helpers/http/serve';
import { type NodeProgram, startNode } from '../../helpers/programs/node-program';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite } from '../../helpers/sites/session-site';
import { until } from '../../helpers/time/until';

const WRITERS = 200;
const PROCESSES = 4;

/** Knex reports each failed attempt. */
const log = { warn: () => undefined };

describe.each(Object.entries(sqlServers))('Sites with their sessions in a KnexStore on %s', (name, start) => {
  let database: SqlServer;
  beforeAll(async () => {
    database = await start();
  });
  afterAll(() => database.stop());

  const open = async (options: object = {}, config: Knex.Config = {}) => {
    const store = knexStore({ knex: database.open({ log, ...config }), sweepInterval: 0 });
    const site = await closedAfterTest(openSite({ use: session({ store, ...options }) }));
    const codes = () => site.errors.splice(0).map((error) => (error as StoreError).code);
    return { ...site, store, codes };
  };

  it(`lose no changes of ${WRITERS} requests in ${PROCESSES} processes that write into one session at once`, async () => {
    const env = { DATABASE: JSON.stringify(database.config) };
    const programs: NodeProgram[] = await Promise.all(
      Array.from({ length: PROCESSES }, () => startNode(['spec/helpers/programs/sql-writing-app.js'], env)),
    );
    try {
      const urls = await Promise.all(programs.map(async (program) => String(await program.says(/^http:\S+$/m))));
      const ann = browser(String(urls[0]));
      await ann.get('/put?user=ann');
      const cookie = await ann.jar.getCookieString(String(urls[0]));
      const names = Array.from({ length: WRITERS }, (_, n) => `k${n}`);
      const together = WRITERS / PROCESSES;
      const replies = await Promise.all(
        names.map((key, n) =>
          browser(String(urls[n % PROCESSES])).get(`/put?${key}=1&together=${together}`, { cookie }),
        ),
      );
      expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
      const stored = (await ann.get('/see')).json<object>();
      expect(Object.keys(stored).sort()).toEqual([...names, 'user'].sort());
    } finally {
      await Promise.all(programs.map((program) => program.end()));
    }
  });

  it('answer at once while the database is down, and continue with their sessions once it is back', async () => {
    const site = await open();
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    await database.server.kill();
    const began = performance.now();
    // A connection that was open may be found broken only when it is used.
    await ann.get('/see');
    site.codes();
    for (const path of ['/see', '/put?user=bob']) expect((await ann.get(path)).status).toBe(500);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(site.codes()).toEqual(['ERR_SESSION_STORE', 'ERR_SESSION_STORE']);
    await database.server.restart();
    await until(async () => (await ann.get('/see')).status === 200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect((await ann.get('/put?user=eve')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'eve' });
  });

  it('start while the database is down, and create their table once it is up', async () => {
    await database.server.query('DROP TABLE IF EXISTS sessions');
    await database.server.kill();
    const site = await open();
    const ann = site.visitor();
    expect((await ann.get('/put?user=ann')).status).toBe(500);
    expect(site.codes()).toEqual(['ERR_SESSION_STORE']);
    await database.server.restart();
    expect((await ann.get('/put?user=ann')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('do not wait for a database that hangs, and continue once it answers', async () => {
    const site = await open({ timeout: 500 }, { pool: { min: 0, max: 2 }, acquireConnectionTimeout: 500 });
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    const hang = await hanging(name, database);
    const began = performance.now();
    expect((await ann.get('/put?user=bob')).status).toBe(500);
    expect(performance.now() - began).toBeLessThan(3000);
    const [code] = site.codes();
    expect(code).toBe('ERR_SESSION_STORE_TIMEOUT');
    await hang.end();
    await until(async () => (await ann.get('/see')).status === 200);
    expect((await ann.get('/put?user=eve')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'eve' });
  });
});

/** A lock on the table holds up what PostgreSQL's processes do, which cannot all be suspended. */
async function hanging(name: string, database: SqlServer): Promise<{ end(): Promise<unknown> }> {
  if (name === 'MariaDB') {
    await database.server.kill('SIGSTOP');
    return { end: () => database.server.kill('SIGCONT') };
  }
  const transaction = await database.open().transaction();
  await transaction.raw('lock table sessions');
  return { end: () => transaction.rollback() };
}
