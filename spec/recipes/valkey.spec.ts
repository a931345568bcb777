import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { neededCommands } from '../../lib/cli/acl/needed';
import { redisStore } from '../../lib/redis';
import { findProgram } from '../../scripts/find-program';
import { textOf } from '../helpers/docs/markdown';
import { root } from '../helpers/programs/node-program';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { failuresOf, runContract } from '../helpers/stores/contract-run';

const page = textOf('docs/recipes/valkey.md');
const [, table = ''] = page.split('\n## What the store asks of a server\n');
const listed = [...table.matchAll(/^\| .+? \| (.+) \|$/gm)].flatMap(
  ([, row = '']) => row.match(/\b[A-Z]{3,}\b/g) ?? [],
);
const installed = ['redis-server', 'valkey-server', 'redict-server'].filter((name) => findProgram(name));

describe.each(installed)('On %s', (program) => {
  let server: RedisServer;
  beforeAll(async () => {
    // The one that REDIS_SERVER names takes the place of redis-server.
    server = await startRedis({ program: program === 'redis-server' ? undefined : program });
    // What it has asked itself at its start.
    await server.command('CONFIG RESETSTAT');
  });
  afterAll(() => server.stop());

  it.each(['ioredis5', 'redis6'])('the store passes the contract with %s', async (name) => {
    const driver = driverOf(name);
    const makeClient = async () => {
      const client = driver.open({ host: '127.0.0.1', port: server.port });
      return { client: redisStore({ client }), end: () => driver.end(client) };
    };
    expect(failuresOf(await runContract(makeClient, { guarantee: 'compare-and-set' }))).toEqual({});
  });

  it('nothing but the commands of the page was asked', async () => {
    const stats = await server.command('INFO commandstats');
    const asked = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name.toUpperCase());
    // What the spec has asked, and what clients say of themselves and ask of a server while they connect.
    const byClients = asked.filter((name) =>
      /^(CONFIG.RESETSTAT|CLIENT|HELLO|COMMAND|INFO|PING|QUIT|UNSUBSCRIBE)/.test(name),
    );
    expect(asked.filter((name) => ![...listed, ...byClients].includes(name))).toEqual([]);
    expect(asked).toEqual(expect.arrayContaining(['EVALSHA', 'SET', 'ZADD', 'SCAN', 'PUBLISH']));
  });
});

describe('The page about other servers', () => {
  it('lists the commands that acl allows', () => {
    const all = { selectsDb: false, isCluster: false, indexesUsers: true, walks: true, tells: true, hears: true };
    const needed = neededCommands({ client: 'ioredis', inspects: false, ...all }).map((name) => name.toUpperCase());
    expect([...new Set(listed)].filter((name) => !['PX', 'NX'].includes(name)).sort()).toEqual(needed.sort());
  });

  it('lists what the scripts use of Lua', () => {
    const folder = 'lib/stores/redis';
    const sources = readdirSync(join(root, folder)).map((name) => textOf(`${folder}/${name}`));
    const used = sources
      .join('\n')
      .match(
        /\b(?:redis|string|table|math|bit|cjson|cmsgpack|struct)\.[a-z]\w*(?=\()|\b(?:tonumber|tostring|i?pairs|pcall|unpack)(?=\()/g,
      );
    const named = [...page.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
    expect([...new Set(used)].filter((name) => !named.includes(name))).toEqual([]);
  });
});
