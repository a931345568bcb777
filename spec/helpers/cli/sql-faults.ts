import type { Knex } from 'knex';
import { createSessionsTable, createSessionUsersTable, knexStore } from '../../../lib/knex';
import { type SqlDatabase, sqlDatabases } from '../databases/sql-databases';
import { command, project } from './command';

type Kind = keyof typeof sqlDatabases;

interface Finding {
  check: string;
  status: string;
  found: string;
  advice?: string;
}

const URLS: Record<Kind, (connection: Record<string, string>) => string> = {
  SQLite: ({ filename }) => `sqlite:${filename}`,
  MariaDB: ({ host, port, user, password, database }) =>
    `mysql://${user}:${encodeURIComponent(String(password))}@${host}:${port}/${database}`,
  PostgreSQL: ({ host, port, user, password, database }) =>
    `postgres://${user}:${encodeURIComponent(String(password))}@${host}:${port}/${database}`,
};

/** The address of a database, with its password. */
export function urlOf(kind: Kind, { config }: SqlDatabase): string {
  return URLS[kind](config.connection as unknown as Record<string, string>);
}

/** What `doctor` finds on a real database that has a fault. */
export function sqlFaults(kind: Kind): void {
  describe(`\`doctor\` on ${kind}`, () => {
    const driver = { SQLite: 'better-sqlite3', MariaDB: 'mysql2', PostgreSQL: 'pg' }[kind];
    const cwd = project({ knex: 'knex', [driver]: driver });
    const key = 'koa:sess:abcdefghijklmnopqrstuvwx';
    let database: SqlDatabase;
    let knex: Knex;

    beforeAll(async () => {
      database = await sqlDatabases[kind]();
      knex = database.open();
      await knex.raw('select 1');
    });
    beforeEach(() => createSessionsTable(knex));
    afterEach(async () => {
      await knex.schema.dropTableIfExists('sessions');
      await knex.schema.dropTableIfExists('sessions_users');
    });
    afterAll(() => database.stop());

    async function findings(options = '', change = (url: string) => url) {
      const { exit, out, err } = await command(`doctor --json ${options}`, {
        cwd,
        env: { KOA_SESSION_URL: change(urlOf(kind, database)) },
      });
      expect(err).toBe('');
      const list = JSON.parse(out) as Finding[];
      return { exit, list, of: (check: string) => list.find((one) => one.check === check) };
    }

    async function stored(session: object, ttl = 60_000): Promise<void> {
      const store = knexStore({ knex, sweepInterval: 0 });
      await store.set(key, { cookie: {}, ...session }, ttl);
      await store.close();
    }

    it('finds no problem with a database as it should be', async () => {
      await stored({ user: 'ann' });
      const { list, exit } = await findings();
      expect(list.filter(({ status }) => status === 'problem')).toEqual([]);
      expect(list.map(({ check }) => check)).toEqual([
        ...['reachable', 'TLS', 'credentials', 'table', 'rights', 'sweeping', 'clock', 'database'],
        ...['record size', 'user index', 'Node', 'drivers', 'koa-evented-session'],
      ]);
      expect(list.find(({ check }) => check === 'drivers')?.found).toMatch(/^knex 3\.\d+\.\d+, .+ \d/);
      expect(list.find(({ check }) => check === 'table')?.status).toBe('ok');
      expect(exit).toBe(0);
    });

    const dropIndex = {
      SQLite: 'drop index sessions_expires_index',
      MariaDB: 'drop index expires on sessions',
      PostgreSQL: 'drop index sessions_expires_index',
    }[kind];
    const expired = async () => {
      await stored({});
      await knex('sessions').update({ expires: Date.now() - 2 * 3_600_000 });
    };
    type Fault = [fault: () => PromiseLike<unknown>, check: string, status: string, found: RegExp, options?: string];
    const faults: Record<string, Fault> = {
      'no table': [() => knex.schema.dropTable('sessions'), 'table', 'problem', /no table sessions/],
      'the table of another program': [
        () => knex.schema.dropTable('sessions').then(() => knex.raw('create table sessions (sid int)')),
        'table',
        'problem',
        /was not made by knexStore/,
      ],
      'no index on expires': [() => knex.raw(dropIndex), 'table', 'warning', /no index on expires/],
      'rows that nobody sweeps': [expired, 'sweeping', 'warning', /^1 rows expired/],
      'a large record': [() => stored({ text: 'x'.repeat(100_000) }), 'record size', 'warning', /^1 over 100 kB/],
      'sessions that their index does not list': [
        () => createSessionUsersTable(knex).then(() => stored({ user: 'ann' })),
        'user index',
        'problem',
        /^1 of 1 sessions/,
        '--user-field user',
      ],
    };
    const inexact = {
      SQLite: 'id text collate nocase primary key, record text, revision text, expires bigint',
      MariaDB:
        'id varchar(250) character set utf8mb4 collate utf8mb4_general_ci primary key, record longtext, revision text, expires bigint',
      PostgreSQL: undefined,
    }[kind];
    if (inexact !== undefined) {
      faults['ids that are not compared exactly'] = [
        () => knex.schema.dropTable('sessions').then(() => knex.raw(`create table sessions (${inexact})`)),
        'table',
        'problem',
        /sessions has id/,
      ];
    }

    it.each(Object.keys(faults))('finds %s', async (name) => {
      const [fault, check, status, found, options] = faults[name] as Fault;
      await fault();
      const { of, exit } = await findings(options);
      expect(of(check)).toEqual({
        check,
        status,
        found: expect.stringMatching(found),
        advice: expect.stringMatching(/^[A-Z].{20}/),
      });
      expect(exit).toBe(status === 'problem' ? 1 : 0);
    });

    if (kind !== 'SQLite') {
      it('finds a clock that differs', async () => {
        const now = Date.now;
        const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
        const { of } = await findings();
        clock.mockRestore();
        expect(of('clock')).toMatchObject({ status: 'problem', found: expect.stringMatching(/ms behind/) });
      });

      it('finds no encryption on the way', async () => {
        const { of } = await findings('', (url) => url.replace('127.0.0.1', '0.0.0.0'));
        expect(of('TLS')).toMatchObject({ status: 'warning', found: 'not encrypted' });
      });

      it('says that the server is not reached, and does not show the password', async () => {
        const { list, exit } = await findings('', (url) => url.replace(/:\d+\//, ':1/'));
        expect(list).toMatchObject([
          { check: 'reachable', status: 'problem', found: expect.stringContaining('ECONNREFUSED') },
        ]);
        expect(JSON.stringify(list)).not.toContain('password of the specs');
        expect(exit).toBe(1);
      });
    }

    if (kind === 'PostgreSQL') {
      it('finds a superuser, and a user without rights', async () => {
        expect((await findings()).of('credentials')).toMatchObject({ status: 'warning' });
        await knex.raw('create role reader login');
        await knex.raw('grant select on sessions to reader');
        const { of } = await findings('', (url) => url.replace('//postgres:', '//reader:'));
        expect(of('credentials')).toMatchObject({ status: 'ok', found: 'user reader' });
        const refused = /^refused: INSERT \(permission denied.*\), UPDATE .*, DELETE /;
        expect(of('rights')).toMatchObject({ status: 'problem', found: expect.stringMatching(refused) });
      });
    }
  });
}
