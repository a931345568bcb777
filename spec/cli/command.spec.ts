import { COMMANDS } from '../../lib/cli/commands';
import { Progress } from '../../lib/cli/progress';
import { command, project } from '../helpers/cli/command';

const cwd = project({ ioredis: 'ioredis5' });
const names = COMMANDS.map(({ name }) => name);
const { version } = require('../../package.json') as { version: string };

describe('npx koa-evented-session', () => {
  it.each(['--help', ...names.map((name) => `${name} --help`)])('has a help that fits a screen: %s', async (line) => {
    const { exit, out, err } = await command(line);
    expect([exit, err]).toEqual([0, '']);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^Usage: npx koa-evented-session /);
    // The last one is the prompt's.
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((text) => text.length > 80)).toEqual([]);
  });

  it('shows its help, and fails, without a command', async () => {
    const { exit, out, err } = await command('');
    expect([exit, out]).toEqual([2, '']);
    for (const name of names) expect(err).toContain(`\n  ${name} `);
  });

  it('shows its version', async () => {
    expect(await command('--version')).toEqual({ exit: 0, out: `${version}\n`, err: '' });
  });

  it.each([
    ['doctr', 'There is no command doctr: did you mean doctor?'],
    ['frobnicate', 'There is no command frobnicate: use doctor, acl'],
    ['redis://:secret@host', 'There is no command: use'],
    ['doctor redis://:secret@host', 'an address: write it behind --url'],
    ['doctor again', 'There is an argument too many: again'],
    ['doctor --prefx a', '--prefx is unknown: did you mean --prefix?'],
    ['doctor --frobnicate', '--frobnicate is unknown'],
    ['doctor --yes', '`doctor` has no option --yes'],
    ['doctor -h', '-h is unknown'],
    ['doctor --prefix', '--prefix needs a value: --prefix TEXT'],
    ['doctor --prefix --json', '--prefix needs a value'],
    ['end --handle --json', '--handle needs a value'],
    ['doctor --json=yes', '--json has no value'],
    ['doctor --json --json', '--json is given twice'],
    ['doctor', 'Where are the sessions?'],
    ['doctor --url redis://a --config b', 'not both'],
    ['doctor --url http://a', 'Expected --url to begin with redis://'],
    ['doctor --url redis:', 'Expected --url to name a host'],
    ['doctor --url sqlite:', 'Expected --url to name a file'],
    ['doctor --url redis://a --table b', '--table belongs to SQL'],
  ])('says what is wrong with the command line: %s', async (line, message) => {
    const { exit, out, err } = await command(line);
    expect([exit, out, err]).toEqual([2, '', expect.stringContaining(message)]);
    expect(err).toMatch(/^koa-evented-session: .+\n$/);
    expect(err).not.toContain('secret');
  });

  it.each(['-', '--'])('takes a handle that begins with %s', async (dashes) => {
    expect(await command(`end --handle ${dashes.padEnd(43, 'x')}`)).toMatchObject({
      exit: 2,
      err: expect.stringContaining('Where are the sessions?'),
    });
  });

  it.each([
    ['--url redis://ann:very-secret@host', 'KOA_SESSION_URL'],
    ['--url redis://:very-secret@host', 'KOA_SESSION_URL'],
    ['--url postgres://host/db?user=ann&password=very-secret', 'KOA_SESSION_URL'],
    ['--url postgres://ann:very/secret@host/db', 'KOA_SESSION_URL'],
    ['--password very-secret', 'KOA_SESSION_PASSWORD'],
    ['--password=very-secret', 'KOA_SESSION_PASSWORD'],
  ])('refuses a secret in an argument, and does not repeat it: %s', async (options, advice) => {
    const { exit, out, err } = await command(`count ${options}`);
    expect([exit, out, err]).toEqual([2, '', expect.stringContaining(advice)]);
    expect(err).not.toMatch(/very.secret/);
  });

  it('hides a secret of the environment that an error contains', async () => {
    const env = { KOA_SESSION_URL: 'redis://:p%40ssword@host', KOA_SESSION_SEALING_KEYS: 'one-key,another-key' };
    const { err } = await command('count --config p@ssword-p%40ssword-another-key.js', { env });
    expect(err).toMatch(/There is no file .*\[secret\]-\[secret\]-\[secret\]\.js/);
  });

  it('hides a secret in what `doctor` reports', async () => {
    const env = { KOA_SESSION_PASSWORD: 'ECONNREFUSED' };
    const { exit, out } = await command('doctor --url redis://127.0.0.1:1', { cwd, env });
    expect([exit, out]).toEqual([1, expect.stringContaining('connect [secret] 127.0.0.1:1')]);
  });
});

describe('the progress', () => {
  const shown = (showsProgress: boolean, counts: number[], total?: number) => {
    let text = '';
    const err = (more: string) => {
      text += more;
    };
    const clock = jest.spyOn(performance, 'now');
    const progress = new Progress({ err, showsProgress } as never, 'sessions');
    counts.forEach((count, at) => {
      clock.mockReturnValue(1000 * at);
      progress.done(count, total);
    });
    progress.clear();
    clock.mockRestore();
    return text.replaceAll('\r\u001b[K', '|');
  };

  it('is a bar on a terminal if the number is known', () => {
    expect(shown(true, [0, 500, 1200], 1000)).toBe(
      `|[${'.'.repeat(30)}] 0 sessions|[${'#'.repeat(15)}${'.'.repeat(15)}] 500 sessions|[${'#'.repeat(30)}] 1 200 sessions|`,
    );
  });

  it('is a number on a terminal otherwise, and nothing in a pipe', () => {
    expect(shown(true, [12_345])).toBe('|12 345 sessions|');
    expect(shown(false, [1, 2, 3], 3)).toBe('');
  });
});
