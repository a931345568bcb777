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
/** Requests at once, and in all, of which is measured what becomes old. */
const AT_ONCE = 16;
const AGEING = 4000;

/** The bytes that its heap has in use. */
interface Used {
  all: number;
  /** Those of objects that have outlived two collections of young objects. */
  old: number;
}

interface Program {
  /** Sends so many requests, one after the other, and resolves to the cookies that the last one has set. */
  ask(path: string, count: number, cookie?: string): Promise<string>;
  used(collects: boolean): Promise<Used>;
}

/** The bytes that a request to each of these paths of `allocating-app.js` allocates, by the counters of its heap. */
export function allocatedBy(redisPort: number, paths: readonly string[]): Promise<Record<string, number>> {
  const room = [`--min-semi-space-size=${ROOM}`, `--max-semi-space-size=${ROOM}`];
  return running(redisPort, room, async ({ ask, used }) => {
    const allocated: Record<string, number> = {};
    for (const path of paths) {
      const cookie = path === '/create' ? '' : await ask('/create', 1);
      await ask(path, WARM_UP, cookie);
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = await used(true);
        await ask(path, MEASURED, cookie);
        rounds.push(((await used(false)).all - before.all) / MEASURED);
      }
      allocated[path] = rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number;
    }
    return allocated;
  });
}

/** The bytes of a request to this path that become old: only a full collection frees them. */
export function agedBy(redisPort: number, path: string): Promise<number> {
  // No full collection before the end: it would free them.
  const room = ['--min-semi-space-size=1', '--max-semi-space-size=1', '--initial-old-space-size=1000'];
  return running(redisPort, room, async ({ ask, used }) => {
    const cookies = await Promise.all(Array.from({ length: AT_ONCE }, () => ask('/create', 1)));
    const askAll = (count: number) => Promise.all(cookies.map((cookie) => ask(path, count / AT_ONCE, cookie)));
    await askAll(WARM_UP);
    const before = await used(false);
    await askAll(AGEING);
    return ((await used(false)).old - before.old) / AGEING;
  });
}

async function running<T>(
  redisPort: number,
  flags: readonly string[],
  use: (program: Program) => Promise<T>,
): Promise<T> {
  const { PATH = '', HOME = '' } = process.env;
  const child = fork(join(__dirname, 'allocating-app.js'), {
    execArgv: ['--expose-gc', ...flags],
    env: { PATH, HOME, REDIS_PORT: String(redisPort), NODE_ENV: 'production' },
  });
  const guard = guardOf(Number(child.pid));
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  try {
    const [port] = (await once(child, 'message')) as [number];
    return await use({
      async ask(path, count, cookie = '') {
        let sent: string[] = [];
        for (let n = 0; n < count; n += 1) sent = await get({ port, path, agent, headers: cookie ? { cookie } : {} });
        return sent.map((line) => line.split(';')[0]).join('; ');
      },
      async used(collects) {
        child.send(collects);
        return ((await once(child, 'message')) as [Used])[0];
      },
    });
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
