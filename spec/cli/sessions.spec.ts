import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { createSessionsTable, KnexStore } from '../../lib/knex';
import session, { type SessionStore } from '../../lib/main';
import { RedisStore } from '../../lib/redis';
import { sealed } from '../../lib/sealed';
import { command, project, type Surroundings } from '../helpers/cli/command';
import { urlOf } from '../helpers/cli/sql-faults';
import { type SqlDatabase, sqlDatabases } from '../helpers/databases/sql-databases';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';

const prefix = 'shop:sess:';
const cwd = project({ ioredis: 'ioredis5', knex: 'knex', 'better-sqlite3': 'better-sqlite3' });

/** A store that the command is tried on. */
interface Tried {
  url: string;
  open(): SessionStore;
  clear(): Promise<unknown>;
  stop(): Promise<unknown>;
}

const kinds: Record<string, () => Promise<Tried>> = {
  async Redis() {
    const redis: RedisServer = await startRedis();
    const client = driverOf('ioredis5').open({ host: '127.0.0.1', port: redis.port });
    return {
      url: redis.url,
      open: () => new RedisStore({ client }),
      clear: () => redis.command('FLUSHALL'),
      stop: () => driverOf('ioredis5').end(client).then(redis.stop),
    };
  },
  async SQLite() {
    const database: SqlDatabase = await sqlDatabases.SQLite();
    const knex: Knex = database.open();
    await createSessionsTable(knex);
    return {
      url: urlOf('SQLite', database),
      open: () => new KnexStore({ knex, sweepInterval: 0 }),
      clear: async () => {
        await knex('sessions').delete();
        await knex.schema.dropTableIfExists('sessions_users');
      },
      stop: () => database.stop(),
    };
  },
};

describe.each(Object.keys(kinds))('the command on %s', (kind) => {
  let tried: Tried;
  let shop: session.Store;
  const sids = { ann: 'a'.repeat(24), ann2: 'b'.repeat(24), bob: 'c'.repeat(24) };

  beforeAll(async () => {
    tried = await (kinds[kind] as () => Promise<Tried>)();
  });
  beforeEach(async () => {
    await tried.clear();
    shop = new session.Store(tried.open(), { prefix });
    for (const [name, sid] of Object.entries(sids)) await shop.set(sid, { cookie: {}, user: name.slice(0, 3) });
    await new session.Store(tried.open(), { prefix: 'bank:sess:' }).set(sids.ann, { cookie: {}, user: 'ann' });
  });
  afterAll(() => tried.stop());

  const run = (line: string, more: Surroundings = {}) =>
    command(`${line} --prefix ${prefix}`, { cwd, ...more, env: { KOA_SESSION_URL: tried.url, ...more.env } });
  const left = async () => {
    const found: string[] = [];
    for (const [name, sid] of Object.entries(sids)) if (await shop.get(sid)) found.push(name);
    return found;
  };
  const handleOf = async (user: string) => {
    const { out } = await run('list --json --user-field user');
    const all = out.trim().split('\n');
    return all.map((line) => JSON.parse(line) as { user: string; handle: string }).find((one) => one.user === user)
      ?.handle;
  };

  it('counts', async () => {
    expect(await run('count')).toEqual({ exit: 0, out: '3\n', err: '' });
    expect((await run('count --json')).out).toBe('{"count":3}\n');
    expect((await run('count --user ann --user-field user')).out).toBe('2\n');
  });

  it('lists in a table, without ids', async () => {
    const { exit, out } = await run('list --user-field user');
    const [titles, ...rows] = out.trim().split('\n');
    expect(titles).toMatch(/^handle +began +used +left +bytes {2}user$/);
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row).toMatch(/^[\w-]{43} +0 s +\d+ (h|d) +\d\d {2}(ann|bob)$/);
    for (const sid of Object.values(sids)) expect(out).not.toContain(sid);
    expect(exit).toBe(0);
  });

  it('lists in JSON, a session in each line', async () => {
    const { out } = await run('list --json --user bob --user-field user');
    expect(JSON.parse(out)).toEqual({
      handle: expect.stringMatching(/^[\w-]{43}$/),
      user: 'bob',
      lastSeenAt: expect.stringMatching(/^\d{4}-.*Z$/),
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
      bytes: expect.any(Number),
    });
  });

  it('shows control characters of a session as text', async () => {
    await shop.set('d'.repeat(24), { cookie: {}, user: '\u001b[31mred\u202e' });
    const { out } = await run('list --user-field user');
    expect(out).toContain('\\u001b[31mred\\u202e');
    expect(out).not.toContain('\u001b');
  });

  describe('that ends sessions', () => {
    it('shows those of a user first, and ends them if the answer is yes', async () => {
      const questions: string[] = [];
      const answering = (answer: string) => ({
        ask: async (question: string) => {
          questions.push(question);
          return answer;
        },
      });
      const line = 'end --user ann --user-field user';
      const refused = await run(line, answering(''));
      expect(refused).toMatchObject({
        exit: 3,
        out: '',
        err: expect.stringMatching(/^handle[\s\S]*Nothing was done\n$/),
      });
      expect(refused.err.match(/ ann$/gm)).toHaveLength(2);
      expect(await left()).toEqual(['ann', 'ann2', 'bob']);
      expect(questions[0]).toMatch(/^End 2 sessions of ann at .*prefix shop:sess:\? \[y\/N\] $/);
      expect(await run(line, answering('y'))).toMatchObject({ exit: 0, out: '2 ended\n' });
      expect(await left()).toEqual(['bob']);
    });

    it.each(['--all', '--user ann', '--handle x'])(
      'is refused without a terminal and without --yes: %s',
      async (what) => {
        const handle = String(await handleOf('bob'));
        const { exit, err } = await run(`end ${what.replace(' x', ` ${handle}`)} --user-field user`);
        expect([exit, err]).toEqual([3, expect.stringContaining('Add --yes')]);
        expect(await left()).toHaveLength(3);
      },
    );

    it('says that older sessions of a user are found by --user-field only', async () => {
      if (kind === 'SQLite') {
        const nowhere = { exit: 2, err: expect.stringContaining('Give --user-field, or a --config') };
        expect(await run('end --yes --user bob')).toMatchObject(nowhere);
      }
      const sessions = session({ store: tried.open(), prefix, user: ({ user }) => user });
      await sessions.index();
      const written = await sessions.of('bob').list();
      expect(written).toHaveLength(1);
      for (const line of ['end --yes', 'list', 'count']) {
        const { err } = await run(`${line} --user bob`);
        expect([line, err]).toEqual([line, expect.stringContaining('Give --user-field to find older ones')]);
      }
      expect(await left()).toHaveLength(3);
      expect(await run('end --yes --user bob --user-field user --json')).toEqual({
        exit: 0,
        out: '{"ended":1}\n',
        err: '',
      });
      expect(await left()).toEqual(['ann', 'ann2']);
    });

    it('ends the one with a handle', async () => {
      const handle = String(await handleOf('bob'));
      const { exit, err } = await run(`end --handle ${handle} --user-field user`, { ask: async () => 'yes' });
      expect([exit, err.match(/ bob$/gm)?.length]).toEqual([0, 1]);
      expect(await left()).toEqual(['ann', 'ann2']);
      expect(await run(`end --yes --handle ${handle}`)).toMatchObject({
        exit: 1,
        err: expect.stringContaining('no session'),
      });
    });

    it('ends all of this prefix, and no others', async () => {
      expect(await run('end --all --yes')).toMatchObject({ exit: 0, out: '3 ended\n' });
      expect(await left()).toEqual([]);
      expect((await command('count --prefix bank:sess:', { cwd, env: { KOA_SESSION_URL: tried.url } })).out).toBe(
        '1\n',
      );
    });

    it.each(['', '--all --user ann', '--handle x --all'])('is told to end one of three: %s', async (options) => {
      expect(await run(`end --yes ${options}`)).toMatchObject({ exit: 2, err: expect.stringContaining('Give one of') });
    });
  });

  it('lists sessions in the indexes of their users', async () => {
    const sessions = session({ store: tried.open(), prefix, user: ({ user }) => user });
    expect(await run('index')).toMatchObject({ exit: 2, err: expect.stringContaining('--user-field') });
    expect(await run('index --user-field user')).toMatchObject({
      exit: 0,
      out: '3 records read, 3 sessions listed, 0 skipped\n',
    });
    expect(await sessions.of('ann').count()).toBe(2);
    expect(JSON.parse((await run('index --json --user-field user')).out)).toEqual({
      scanned: 3,
      listed: 3,
      skipped: 0,
    });
  });

  // Any store that lists its records has cursors; a thousand records are written to Redis soonest.
  if (kind === 'Redis') {
    it('says how to go on if it is interrupted, and goes on there', async () => {
      for (let n = 0; n < 1500; n += 1) void shop.set(`many-${n}`, { cookie: {}, user: 'eve' });
      await shop.set('many-last', { cookie: {}, user: 'eve' });
      const aborting = new AbortController();
      const { exit, err } = await run('index --user-field user', {
        showsProgress: true,
        signal: aborting.signal,
        heard: () => aborting.abort(new Error('Interrupted')),
      });
      const [, cursor] = /--from='([^']+)'/.exec(err) ?? [];
      expect([exit, err.endsWith('Interrupted\n')]).toEqual([130, true]);
      const next = JSON.parse((await run(`index --json --user-field user --from ${cursor}`)).out) as {
        scanned: number;
      };
      expect(next.scanned).toBeLessThan(1400);
      const sessions = session({ store: tried.open(), prefix, user: ({ user }) => user });
      expect(await sessions.of('eve').count()).toBe(1501);
      expect(await run('index --user-field user --from nowhere')).toMatchObject({ exit: 1 });
    });
  }

  it('seals records, and rotates the key', async () => {
    const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    const resealed = (keys: string, options: string) =>
      run(`reseal ${options}`, { env: { KOA_SESSION_SEALING_KEYS: keys } });
    expect(await run('reseal')).toMatchObject({ exit: 2, err: expect.stringContaining('KOA_SESSION_SEALING_KEYS') });
    expect((await resealed(old, '--seal-plain')).out).toBe('3 records read, 3 stored again, 0 skipped\n');
    expect((await resealed(`${fresh},${old}`, '--json')).out).toBe('{"scanned":3,"resealed":3,"skipped":0}\n');
    const own = new session.Store(sealed(tried.open(), { keys: [fresh] }), { prefix });
    expect(await own.get(sids.bob)).toMatchObject({ user: 'bob' });
    expect((await run('list --user-field user', { env: { KOA_SESSION_SEALING_KEYS: fresh } })).out).toContain('bob');
    expect((await resealed(fresh, '--unseal')).out).toContain('3 stored again');
    expect(await shop.get(sids.bob)).toMatchObject({ user: 'bob' });
  });
});

describe('a file of --config', () => {
  const lib = (name: string) => JSON.stringify(join(__dirname, '../../lib', name));
  const memory = `const session = require(${lib('main')});
    const store = new session.MemoryStore();
    store.set('shop:sess:one', { cookie: {}, user: 'ann' }, 60_000);`;
  const files: Record<string, string> = {
    'the middleware': 'module.exports = session({ store, prefix: "shop:sess:", user: (one) => one.user });',
    'its options': 'module.exports = { store, prefix: "shop:sess:", user: (one) => one.user };',
    'a promise of its options':
      'module.exports = Promise.resolve({ store, prefix: "shop:sess:", user: (one) => one.user });',
    'a Store': 'module.exports = new session.Store(store, { prefix: "shop:sess:", user: (one) => one.user });',
  };
  let number = 0;
  /** Node keeps what it has required. */
  const written = (code: string) => {
    number += 1;
    writeFileSync(join(cwd, `sessions-${number}.js`), code);
    return `sessions-${number}.js`;
  };

  it.each(Object.keys(files))('may export %s', async (what) => {
    const file = written(`${memory}${files[what]}`);
    const { out, err } = await command(`list --json --config ${file}`, { cwd });
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({ user: 'ann' });
  });

  it('may export a store, beside options of the command', async () => {
    const file = written(`${memory} exports.default = store;`);
    const { out } = await command(`list --json --config ${file} --prefix shop:sess: --user-field user`, { cwd });
    expect(JSON.parse(out)).toMatchObject({ user: 'ann' });
  });

  it.each([
    ['module.exports = 5;', '', 1, 'to export the session middleware, '],
    ['module.exports = {};', '', 1, 'to export the session middleware, '],
    [`${memory}${files['the middleware']}`, '--prefix x:', 2, '--prefix has no effect'],
    [`${memory}${files['a Store']}`, '--hashed', 2, '--hashed has no effect'],
    ['throw new Error("a fault in it");', '', 1, '.js could not be loaded: a fault in it'],
  ])('is refused with a message: %s %s', async (code, options, exit, message) => {
    const file = written(code);
    const said = await command(`count --config ${file} ${options}`, { cwd });
    expect([said.exit, said.err]).toEqual([exit, expect.stringContaining(message)]);
  });

  it('must be there', async () => {
    expect(await command('count --config missing.js', { cwd })).toMatchObject({ exit: 2 });
  });
});
