import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { redisStore } from '../../lib/redis';
import { sealed } from '../../lib/sealed';
import { project } from '../helpers/cli/command';
import { codeBlocks } from '../helpers/docs/markdown';
import { root } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

const prefix = 'shop:sess:';
const blocks = codeBlocks('docs/running.md').filter(({ language }) => language === 'sh');

describe('the commands in docs/running.md', () => {
  const cwd = project({ ioredis: 'ioredis5' });
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
    // As npx finds what is installed; it is built already.
    const npx = join(cwd, 'npx');
    writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(root, 'dist/cli.js')}" "$@"\n`);
    chmodSync(npx, 0o755);
  });
  afterAll(() => redis.stop());

  /** Runs the block that contains the text, as a shell does; what it says on stdout. */
  async function run(text: string, env: Record<string, string>): Promise<string> {
    const found = blocks.filter(({ code }) => code.includes(text));
    expect(found).toHaveLength(1);
    const path = `${cwd}${delimiter}${process.env['PATH']}`;
    const { stdout } = await promisify(execFile)('sh', ['-ec', String(found[0]?.code)], {
      cwd,
      env: { PATH: path, ...env },
    });
    return stdout;
  }

  it('take an operator from `doctor` to logging out everybody', async () => {
    const keys = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    const store = redisStore({ port: redis.port });
    const stored = async (name: string, user: string) =>
      sealed(store, { keys: [String(keys[1])] }).set(prefix + name, { cookie: {}, user } as never, 60_000);
    for (const [name, user] of [
      ['one', 'ann'],
      ['two', 'ann'],
      ['three', 'bob'],
    ] as const) {
      await store.set(prefix + name, { cookie: {}, user }, 60_000);
    }
    expect(await run('doctor', { REDIS_URL: redis.url })).toMatch(/^credentials +warning[\s\S]*^expiry +ok .* of 3$/m);
    expect(await run('acl', { SHOP_PASSWORD: 'a password', ADMIN_URL: redis.url })).toBe('OK\n');
    expect(await run('doctor', { REDIS_URL: redis.url.replace('//', '//shop:a%20password@') })).toMatch(
      /^foreign prefix +ok +NOPERM/m,
    );

    const operator = { KOA_SESSION_URL: redis.url, OPERATOR_URL: redis.url };
    expect(await run('index', operator)).toBe('3 records read, 3 sessions listed, 0 skipped\n');
    const [listed = '', ended, ...others] = (await run('--user ann', operator)).split(/^(?=\d ended|\{)/m);
    expect(listed.match(/ ann$/gm)).toHaveLength(2);
    expect(ended).toBe('2 ended\n');
    expect(others.map((line) => JSON.parse(line) as object)).toMatchObject([{ user: 'bob' }]);

    await stored('four', 'eve');
    expect(await run('reseal', { ...operator, SEALING_KEYS: keys.join() })).toBe(
      '2 records read, 1 stored again, 1 skipped\n',
    );
    expect(await run('--all', operator)).toMatch(/^\d\n2 ended\n$/);
    await store.close();
  });
});
