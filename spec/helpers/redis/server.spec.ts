import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type RedisServer, startRedis } from './server';

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('startRedis', () => {
  const servers: RedisServer[] = [];
  const start = async (...args: Parameters<typeof startRedis>) => {
    const redis = await startRedis(...args);
    servers.push(redis);
    return redis;
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((redis) => redis.stop()));
  });

  it('starts a server that answers', async () => {
    const redis = await start();
    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
    expect(await redis.command('PING')).toBe('PONG');
    expect(await redis.info('server')).toMatchObject({ process_id: String(redis.pid) });
  });

  it('gives each caller a separate server', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    await one.command('SET name one');
    expect(await other.command('EXISTS name')).toBe('0');
  });

  it('forgets its data on a restart', async () => {
    const redis = await start();
    const { pid } = redis;
    await redis.command('SET name value');
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(runs(pid)).toBe(false);
    expect(await redis.command('EXISTS name')).toBe('0');
  });

  it('keeps its data across a kill if asked to', async () => {
    const redis = await start({ appendonly: true });
    await redis.command('SET name value');
    await redis.kill('SIGKILL');
    await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED');
    await redis.restart();
    expect(await redis.command('GET name')).toBe('value');
  });

  it('can be suspended and resumed, and stopped while suspended', async () => {
    const redis = await start();
    await redis.kill('SIGSTOP');
    const late = redis.command('PING');
    expect(await Promise.race([late, pause(100, 'silence')])).toBe('silence');
    await redis.kill('SIGCONT');
    expect(await late).toBe('PONG');
    await redis.kill('SIGSTOP');
    await redis.stop();
    expect(runs(redis.pid)).toBe(false);
  });

  it('leaves nothing behind', async () => {
    const redis = await start();
    const { dir } = redis;
    expect(existsSync(dir)).toBe(true);
    await redis.stop();
    await redis.stop();
    expect([existsSync(dir), runs(redis.pid)]).toEqual([false, false]);
  });

  it('reports why a server did not start', async () => {
    await expect(start({ args: ['--no-such-setting', '1'] })).rejects.toThrow('no-such-setting');
  });
});
