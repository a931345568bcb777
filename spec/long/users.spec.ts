import { createSessionsTable, createSessionUsersTable, knexStore } from '../../lib/knex';
import { type RedisConnectionOptions, redisStore } from '../../lib/redis';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { randomFrom } from '../helpers/http/cookie-noise';
import { tell } from '../helpers/programs/counting-program';
import { startCluster } from '../helpers/redis/cluster';
import { startRedis } from '../helpers/redis/server';
import type { RealRound } from '../helpers/users/real-judge';
import { RealProcesses } from '../helpers/users/real-processes';
import { type Observed, realRound } from '../helpers/users/real-round';
import { userOf } from '../helpers/users/steps';

import session = require('../../lib/main');

const ROUNDS = Number(process.env['ROUNDS'] ?? 12);
const SEED = Number(process.env['SEED'] ?? 20_300_105);

jest.setTimeout(600_000);

/** A store on a server of its own: what other processes open it with, and how this one reads it. */
interface Opened {
  options: object;
  store: session.SessionStore;
  end(): Promise<unknown>;
}

const onRedis = async (options: RedisConnectionOptions, stop: () => Promise<void>): Promise<Opened> => {
  const store = redisStore(options);
  return { options: { redis: options }, store, end: () => store.close().then(stop) };
};

const onSql = (start: (typeof sqlDatabases)[keyof typeof sqlDatabases]) => async (): Promise<Opened> => {
  const database = await start();
  const knex = database.open();
  await createSessionsTable(knex);
  await createSessionUsersTable(knex);
  const store = knexStore({ knex, sweepInterval: 0 });
  return { options: { knex: database.config }, store, end: () => store.close().then(() => database.stop()) };
};

const stores: Record<string, () => Promise<Opened>> = {
  Redis: async () => {
    const redis = await startRedis();
    return onRedis({ host: '127.0.0.1', port: redis.port }, () => redis.stop());
  },
  'a Redis Cluster': async () => {
    const cluster = await startCluster();
    return onRedis({ isRedisCluster: true, nodes: cluster.addresses }, () => cluster.stop());
  },
  ...Object.fromEntries(Object.entries(sqlDatabases).map(([name, start]) => [name, onSql(start)])),
};

const kinds: Record<string, { round: Omit<RealRound, 'isDeadly'>; options?: session.SessionOptions }> = {
  'all sessions of a user end': { round: { ends: ['script end-all u1', 'script end-all u1', 'ann reset u1'] } },
  'all other sessions of a user end': {
    round: { ends: ['ann others u1', 'ann others-keep u1'] },
    options: { rolling: true },
  },
  'one session ends by its handle': { round: { ends: ['script end u1'] } },
  'the oldest sessions above the limit end': limitedTo({ limit: 2, exceeded: 'end-oldest' }),
  'logins above the limit are refused': limitedTo({ limit: 2, exceeded: 'refuse' }),
};

function limitedTo(maxPerUser: NonNullable<RealRound['maxPerUser']>) {
  return { round: { maxPerUser }, options: { maxPerUser } };
}

// The seed decides who asks what, and which call a process dies at; the order of the calls is that of the machine.
describe.each(Object.entries(stores))(`The sessions of users in three processes on %s, seed ${SEED}`, (name, open) => {
  let opened: Opened;
  let processes: RealProcesses | undefined;
  beforeAll(async () => {
    opened = await open();
  });
  afterEach(() => processes?.end());
  afterAll(() => opened.end());

  it.each(Object.entries(kinds))(
    `are exact in ${ROUNDS} rounds, in every other of which a process dies: %s`,
    async (what, { round, options = {} }) => {
      processes = new RealProcesses(3, { STORE: JSON.stringify(opened.options), OPTIONS: JSON.stringify(options) });
      const sessions = session({ store: opened.store, user: userOf });
      const surroundings = {
        ...{ processes, store: opened.store as Observed, list: (user: string) => sessions.of(user).list() },
        random: randomFrom(SEED + Object.keys(kinds).indexOf(what)),
      };
      const wrong: string[] = [];
      let [asked, ends] = [0, 0];
      for (let n = 0; n < ROUNDS; n += 1) {
        const found = await realRound({ ...round, isDeadly: n % 2 === 1 }, surroundings);
        wrong.push(...found.wrong.map((what) => `round ${n}: ${what}`));
        asked += found.asked;
        ends += found.ends;
      }
      tell(`${name}, ${what}`, { rounds: ROUNDS, requests: asked, ends, deaths: processes.deaths });
      expect(wrong).toEqual([]);
    },
  );
});
