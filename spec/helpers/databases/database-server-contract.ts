import { existsSync } from 'node:fs';
import type { DatabaseServer } from './database-server';

/** What every private database owes to the specs. */
export function databaseServerContract(start: () => Promise<DatabaseServer>): void {
  const servers: DatabaseServer[] = [];
  const begin = async () => {
    const server = await start();
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it('starts a separate server for each caller', async () => {
    const [one, other] = await Promise.all([begin(), begin()]);
    await one.query('CREATE TABLE mine (name varchar(10))');
    expect(await one.query('SELECT * FROM mine')).toEqual([]);
    await expect(other.query('SELECT * FROM mine')).rejects.toThrow(/mine/);
  });

  it('keeps its data across a crash', async () => {
    const server = await begin();
    const { pid } = server;
    await server.query('CREATE TABLE mine (name varchar(10))');
    await server.query(`INSERT INTO mine VALUES ('Zoë')`);
    await server.kill();
    expect(runs(pid)).toBe(false);
    await expect(server.query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await server.query('SELECT name FROM mine')).toEqual([{ name: 'Zoë' }]);
  });

  it('can be suspended and then stopped, and leaves nothing behind', async () => {
    const server = await begin();
    await server.kill('SIGSTOP');
    await server.stop();
    await server.stop();
    expect([existsSync(server.dir), runs(server.pid)]).toEqual([false, false]);
  });
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
