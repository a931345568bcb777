import crypto = require('node:crypto');

import { Redis } from 'ioredis5';
import Koa from 'koa';
import { dataOf, type Workload, workloads } from '../../bench/workloads';
import { type RedisStore, redisStore } from '../../lib/redis';
import { defaultGenSid } from '../../lib/session/id';
import { type Cost, CostMeter } from '../helpers/costs/request-costs';
import { type Served, serve } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { sessionOf } from '../helpers/sites/session-site';
import { MapClient, TouchableMapClient } from '../helpers/stores/map-client';
import { until } from '../helpers/time/until';

import session = require('../../lib/main');

/** How often each request is made: what it costs must not depend on those before it. */
const REPEATED = 3;

interface RequestCost extends Cost {
  setCookie: number;
}

type Row = Omit<RequestCost, 'timers'> & { workload: string; redis: string };

type ClientRow = Omit<Row, 'redis'> & { client: new () => session.SessionStore };

/** Data by size, made ahead: JSON is counted. */
const data = new Map<number, object>(workloads.map(({ bytes }) => [bytes, dataOf(bytes)]));

const isSession = (value: unknown) =>
  typeof value === 'string' ? value.includes('"views":') : Object.hasOwn(Object(value), 'views');

let meter: CostMeter;
let serving: Served[] = [];

beforeEach(() => {
  meter = new CostMeter(isSession);
});
afterEach(async () => {
  meter.stop();
  await Promise.all(serving.map((served) => served.close()));
  serving = [];
});

/** The application of the bench. */
async function urlOf({ use, bytes, rolling = false, defer = false }: Workload, store: session.SessionStore) {
  const app = new Koa();
  app.keys = ['a key for the bench', 'an older key'];
  app.use(session({ store, rolling, defer }));
  let views = 0;
  app.use(async (ctx) => {
    ctx.body = 'done';
    if (ctx.path === '/create') Object.assign(await sessionOf(ctx), data.get(bytes));
    else if (use === 'read') ctx.body = String((await sessionOf(ctx))['views']);
    else if (use === 'write') Object.assign(await sessionOf(ctx), { views: ++views });
  });
  const served = await serve(app);
  serving.push(served);
  return served.url;
}

/** The lines that set cookies. */
async function ask(url: string, cookie: string): Promise<string[]> {
  const response = await fetch(url, { headers: { cookie } });
  expect(response.status).toBe(200);
  await response.text();
  return response.headers.getSetCookie();
}

const cookieOf = (sent: string[]) => sent.map((line) => line.split(';', 1)[0]).join('; ');

async function costOf(url: string, cookie: string): Promise<RequestCost> {
  let sent: string[] = [];
  const cost = await meter.measure(async () => {
    sent = await ask(url, cookie);
  });
  return { ...cost, setCookie: sent.length };
}

const workloadOf = (name: string) => workloads.find((it) => it.name === name) as Workload;

/** Session ids are drawn 64 at a time, and this draws them. */
function drawIds(): void {
  const draws = jest.spyOn(crypto, 'randomBytes').mockClear();
  while (draws.mock.calls.length === 0) defaultGenSid(24);
}

/** Makes a session and one request, from which there is something to remember; then measures equal ones. */
async function costsOf(name: string, store: session.SessionStore, ready?: () => unknown): Promise<RequestCost[]> {
  const workload = workloadOf(name);
  const url = await urlOf(workload, store);
  const path = workload.use === 'create' ? '/create' : '/';
  const sent = await ask(`${url}/create`, '');
  const cookie = workload.cookie ? cookieOf(sent) : '';
  await ask(url + path, cookie);
  await ready?.();
  meter.watch(store);
  drawIds();
  const costs: RequestCost[] = [];
  for (let n = 0; n < REPEATED; n += 1) costs.push(await costOf(url + path, cookie));
  return costs;
}

const each = (cost: Omit<RequestCost, 'timers'>) => Array(REPEATED).fill({ ...cost, timers: 0 });

// By script, in brackets, what it does within Redis.
const eachWorkload = it.each`
  workload             | store           | redis                              | parsed | serialised | otherJson | hmacs | digests | randomDraws | setCookie
  ${'read'}            | ${'load'}       | ${'GET'}                           | ${1}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
  ${'write'}           | ${'load swap'}  | ${'GET EVALSHA[GET SET]'}          | ${1}   | ${1}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
  ${'rolling'}         | ${'load touch'} | ${'GET EVALSHA[GETRANGE PEXPIRE]'} | ${1}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
  ${'anonymous'}       | ${''}           | ${''}                              | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
  ${'untouched'}       | ${'load'}       | ${'GET'}                           | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
  ${'defer untouched'} | ${''}           | ${''}                              | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
  ${'big read'}        | ${'load'}       | ${'GET'}                           | ${1}   | ${1}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
  ${'big write'}       | ${'load swap'}  | ${'GET EVALSHA[GET SET]'}          | ${1}   | ${1}       | ${0}      | ${0}  | ${1}    | ${0}        | ${2}
  ${'create'}          | ${'create'}     | ${'SET'}                           | ${0}   | ${1}       | ${0}      | ${1}  | ${0}    | ${0}        | ${2}
`;

describe('On Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let watching: Redis;
  let monitor: Redis;
  let store: RedisStore;
  const commands: string[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port);
    watching = new Redis(redis.port);
    await until(() => [client, watching].every(({ status }) => status === 'ready'));
    monitor = await watching.monitor();
    monitor.on('monitor', (_time: string, [command = '', ...args]: string[], source: string) => {
      const name = command.toUpperCase();
      commands.push(source === 'lua' ? `[${name}]` : name === 'ECHO' ? `${args}` : name);
    });
  });
  afterAll(async () => {
    for (const connection of [client, watching, monitor]) connection.disconnect();
    await redis.stop();
  });

  beforeEach(() => {
    store = redisStore({ client });
  });
  afterEach(() => store.close());

  /** What Redis was asked, up to now. */
  async function asked(mark: string): Promise<string[]> {
    await redis.command(`ECHO ${mark}`);
    await until(() => commands.includes(mark));
    return commands.splice(0).slice(0, -1);
  }

  eachWorkload('a request costs this much: $workload', async ({ workload, redis: expected, ...cost }: Row) => {
    const costs = await costsOf(workload, store, () => asked('ready'));
    expect(costs).toEqual(each(cost));
    const line = (await asked('done')).join(' ').replaceAll('] [', ' ').replaceAll(' [', '[');
    expect(line).toBe(Array(REPEATED).fill(expected).join(' ').trim());
  });

  it('one draw for 64 new sessions', async () => {
    const url = await urlOf(workloadOf('create'), store);
    const begin = async () => {
      for (let n = 0; n < 64; n += 1) await ask(`${url}/create`, '');
    };
    expect(await meter.measure(begin)).toMatchObject({ randomDraws: 1, hmacs: 64, serialised: 64 });
  });

  it('three HMACs and one more draw for the first request of a process that does not know the signature', async () => {
    const before = await ask(`${await urlOf(workloadOf('read'), store)}/create`, '');
    // After a restart.
    const url = await urlOf(workloadOf('read'), store);
    const costs = [await costOf(url, cookieOf(before)), await costOf(url, cookieOf(before))];
    expect(costs).toMatchObject([
      { hmacs: 3, randomDraws: 1, setCookie: 0 },
      { hmacs: 0, randomDraws: 0, setCookie: 0 },
    ]);
  });
});

describe('On a MemoryStore', () => {
  eachWorkload('a request costs as much, and no digest: $workload', async ({ workload, redis: _, ...cost }: Row) => {
    const store = new session.MemoryStore();
    expect(await costsOf(workload, store)).toEqual(each({ ...cost, digests: 0 }));
    store.close();
  });
});

// What the client itself puts through JSON counts too: it parses in `get` and serialises in `set`.
describe('On a client that can only get, set and destroy, and on one that can touch', () => {
  it.each`
    client                | workload             | store          | parsed | serialised | otherJson | hmacs | digests | randomDraws | setCookie
    ${MapClient}          | ${'read'}            | ${'get'}       | ${1}   | ${2}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${MapClient}          | ${'write'}           | ${'get set'}   | ${1}   | ${3}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${MapClient}          | ${'rolling'}         | ${'get set'}   | ${2}   | ${3}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${MapClient}          | ${'anonymous'}       | ${''}          | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${MapClient}          | ${'untouched'}       | ${'get'}       | ${1}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${MapClient}          | ${'defer untouched'} | ${''}          | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${MapClient}          | ${'big read'}        | ${'get'}       | ${1}   | ${2}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${MapClient}          | ${'big write'}       | ${'get set'}   | ${1}   | ${3}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${MapClient}          | ${'create'}          | ${'set'}       | ${0}   | ${2}       | ${0}      | ${1}  | ${0}    | ${0}        | ${2}
    ${TouchableMapClient} | ${'read'}            | ${'get'}       | ${1}   | ${2}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${TouchableMapClient} | ${'write'}           | ${'get set'}   | ${1}   | ${3}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${TouchableMapClient} | ${'rolling'}         | ${'get touch'} | ${1}   | ${2}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${TouchableMapClient} | ${'anonymous'}       | ${''}          | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${TouchableMapClient} | ${'untouched'}       | ${'get'}       | ${1}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${TouchableMapClient} | ${'defer untouched'} | ${''}          | ${0}   | ${0}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${TouchableMapClient} | ${'big read'}        | ${'get'}       | ${1}   | ${2}       | ${0}      | ${0}  | ${0}    | ${0}        | ${0}
    ${TouchableMapClient} | ${'big write'}       | ${'get set'}   | ${1}   | ${3}       | ${0}      | ${0}  | ${0}    | ${0}        | ${2}
    ${TouchableMapClient} | ${'create'}          | ${'set'}       | ${0}   | ${2}       | ${0}      | ${1}  | ${0}    | ${0}        | ${2}
  `('a request costs this much: $client.name, $workload', async ({ client: Client, workload, ...cost }: ClientRow) => {
    expect(await costsOf(workload, new Client())).toEqual(each(cost));
  });
});
