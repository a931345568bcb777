import { command, project } from '../helpers/cli/command';
import { sqlFaults } from '../helpers/cli/sql-faults';

// The other databases are in spec/long: their servers take long to start.
sqlFaults('SQLite');

describe('a database that cannot be opened', () => {
  const bare = project({});
  const withSqlite = project({ knex: 'knex', 'better-sqlite3': 'better-sqlite3' });
  const withKnex = project({ knex: 'knex' });

  it('is not created in a file that is missing', async () => {
    const { exit, err } = await command('doctor --url sqlite:missing.sqlite', { cwd: withSqlite });
    expect([exit, err]).toEqual([1, expect.stringContaining('There is no file')]);
  });

  it.each([
    ['redis://127.0.0.1', bare, 'npm install ioredis'],
    ['postgres://127.0.0.1/x', withKnex, 'npm install pg'],
    ['mysql://127.0.0.1/x', withKnex, 'npm install mysql2'],
    ['sqlite:x', withKnex, 'npm install better-sqlite3'],
    ['sqlite:x', bare, 'npm install better-sqlite3'],
  ])('asks for the package that is missing: %s', async (url, cwd, advice) => {
    const { exit, out, err } = await command(`doctor --url ${url}`, { cwd });
    expect([exit, out, err]).toEqual([1, '', expect.stringContaining(advice)]);
  });
});
