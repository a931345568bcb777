import { fork } from 'node:child_process';
import { once } from 'node:events';

import http = require('node:http');

import { join } from 'node:path';
import { guardOf } from './guard';

/** Requests before the first measurement: Node optimises what they run, and that changes what they allocate. */
const WARM_UP = 2000;
const MEASURED = 300;
/** Young objects of so many MB are not collected, which is more than the measured requests make. */
const ROOM = 32;
const ROUNDS = 3;

/** The bytes that a request to each of these paths of `allocating-app.js` allocates, by the counters of its heap. */
export async function allocatedBy(redisPort: number, paths: readonly string[]): Promise<Record<string, number>> {
  const { PATH = '', HOME = '' } = process.env;
  const child = fork(join(__dirname, 'allocating-app.js'), {
    execArgv: ['--expose-gc', `--min-semi-space-size=${ROOM}`, `--max-semi-space-size=${ROOM}`],
    env: { PATH, HOME, REDIS_PORT: String(redisPort), NODE_ENV: 'production' },
  });
  const guard = guardOf(Number(child.pid));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [port] = (await once(child, 'message')) as [number];
    const used = async (collects: boolean) => {
      child.send(collects);
      return ((await once(child, 'message')) as [number])[0];
    };
    const ask = async (path: string, count: number, cookie = '') => {
      let sent: string[] = [];
      for (let n = 0; n < count; n += 1) sent = await get({ port, path, agent, headers: cookie ? { cookie } : {} });
      return sent.map((line) => line.split(';')[0]).join('; ');
    };
    const allocated: Record<string, number> = {};
    for (const path of paths) {
      const cookie = path === '/create' ? '' : await ask('/create', 1);
      await ask(path, WARM_UP, cookie);
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = await used(true);
        await ask(path, MEASURED, cookie);
        rounds.push(((await used(false)) - before) / MEASURED);
      }
      allocated[path] = rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number;
    }
    return allocated;
  } finally {
    agent.destroy();
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    guard.kill('SIGKILL');
  }
}

/** Resolves to the lines of Set-Cookie. */
function get(options: http.RequestOptions): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const request = http.get(options, (response) => {
      response.resume().on('end', () => resolve(response.headers['set-cookie'] ?? []));
    });
    request.on('error', reject);
  });
}
