import type { Knex } from 'knex';
import { hasMethod } from '../../../lib/base/expect';
import { knexStore } from '../../../lib/knex';
import { type SqlServer, sqlServers } from '../../helpers/databases/sql-databases';
import { startNode } from '../../helpers/programs/node-program';
import { endingsContract, idOf, openTwo } from '../../helpers/sites/endings-contract';
import type { WatchingSite } from '../../helpers/sites/watching-sites';
import { until } from '../../helpers/time/until';
import { interop } from '../../interop';

const { Pool } = interop('pg') as { Pool: new (options: object) => { end(): Promise<void> } };

let database: SqlServer;
beforeAll(async () => {
  database = await sqlServers.PostgreSQL();
});
const pools: { end(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.stop();
});

/** Knex reports each failed attempt. */
const log = { warn: () => undefined };
const open = (config: Knex.Config = {}) => knexStore({ knex: database.open({ log, ...config }), sweepInterval: 0 });

const withPool = () => {
  const connectionPool = new Pool(database.server.connection);
  pools.push(connectionPool);
  return { connection: undefined, connectionPool } as unknown as Knex.Config;
};

/** Ends a session as a process does whose message is lost. */
const endSilently = async (ann: Parameters<typeof idOf>[0], there: WatchingSite) => {
  const key = there.sessions.store.keyOf(String(await idOf(ann, there)));
  expect(await database.server.query(`delete from sessions where id = '${key}' returning id`)).toHaveLength(1);
};

const LISTENING = `pid from pg_stat_activity where query like 'listen %'`;

describe('Another process, on PostgreSQL,', () => {
  endingsContract(() => open);

  it('is told of an end whose message was lost while the database was away, and of the next', async () => {
    const { ann, there } = await openTwo(open);
    await endSilently(ann, there);
    await database.server.kill();
    await database.server.restart();
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['gone']);
    await until(async () => (await ann.get('/login?user=ann')).status === 200);
    await until(() => there.listens().then(() => true));
    await ann.get('/logout');
    await until(() => there.ended.length > 1);
    expect(there.ended.map(({ reason }) => reason)).toEqual(['gone', 'logout']);
  });

  it.each([
    ['a long prefix', 'p'.repeat(200)],
    ['one with quotes', `it's "quoted" \\:`],
    ['one of other letters', 'séssion 🎈:'],
  ])('is told through a channel for %s', async (_what, prefix) => {
    const { ann, there } = await openTwo(open, { prefix });
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
  });

  it.each<[string, () => Knex.Config]>([
    ['a pool of one connection', () => ({ pool: { min: 0, max: 1 } })],
    ['a function that returns the connection', () => ({ connection: async () => ({ ...database.server.connection }) })],
    ["pg's own pool", withPool],
  ])('is told with %s', async (_what, config) => {
    const { ann, there } = await openTwo(() => open(config()));
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
  });

  it('listens on a connection that ends with `sessions.close()`, and does not keep the process', async () => {
    const number = async () => (await database.server.query(`select ${LISTENING}`)).length;
    await until(async () => (await number()) === 0);
    const { here, there } = await openTwo(open);
    await until(async () => (await number()) === 2);
    await Promise.all([here.sessions.close(), there.sessions.close()]);
    await until(async () => (await number()) === 0);
    const script = `
      const knex = require('./spec/interop/node_modules/knex')(JSON.parse(process.env.DATABASE));
      const { knexStore } = require('./dist/knex');
      require('./dist/main')({ store: knexStore({ knex, sweepInterval: 0 }), broadcastEndings: true });
      setTimeout(() => knex.destroy().then(() => console.log('done')), 300);`;
    const program = await startNode(['-e', script], { DATABASE: JSON.stringify(database.config) });
    await program.says(/done/);
    // It has nothing else to do: SIGCONT does not end it.
    expect(await program.end('SIGCONT')).toBe(0);
  });
});

it.each(['mysql2', 'better-sqlite3', 'cockroachdb'])('A KnexStore with %s passes no messages', (client) => {
  const makeKnex = interop('knex') as (config: Knex.Config) => Knex;
  const store = knexStore({ knex: makeKnex({ client, useNullAsDefault: true }), sweepInterval: 0 });
  expect([hasMethod(store, 'publish'), hasMethod(store, 'subscribe')]).toEqual([false, false]);
});
