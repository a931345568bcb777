import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { applicationBefore, type Step, stepsOf } from '../helpers/docs/steps';
import { emptyFolder, pack } from '../helpers/package/npm';
import { type Circumstances, Newcomer } from '../helpers/programs/newcomer';
import { root } from '../helpers/programs/node-program';
import { startRedis } from '../helpers/redis/server';

const minute = 60_000;
const isLong = Boolean(process.env['LONG']);
jest.setTimeout(10 * minute);

/** What an application has installed before, by the package that it moves from. */
const before: Record<string, string> = {
  'koa-session': 'koa@3 koa-session@7',
  'koa-generic-session': 'koa@3 koa-generic-session@2 koa-redis@4',
  'koa-session-minimal': 'koa@3 koa-session-minimal@4 koa-redis@4',
};
/** Without LONG, by links instead of npm. */
const played = isLong ? Object.keys(before) : ['koa-session'];

/** The files of an application on Egg with its own sessions. */
const eggApplication: Record<string, string> = {
  'config/config.default.js': "exports.keys = 'the secret of the specs';\n",
  'config/plugin.js': 'exports.static = { enable: false };\n',
  'app/router.js': `module.exports = ({ router }) => {
    router.get('/', async (ctx) => {
      ctx.session.views = (ctx.session.views || 0) + 1;
      ctx.body = \`views: \${ctx.session.views}, by \${ctx.app.plugins.session.package}\`;
    });
  };\n`,
  'server.js': "require('egg').start().then((app) => app.listen(3000));\n",
};

const place = emptyFolder();
const stops: (() => Promise<unknown>)[] = [];
let circumstances: Circumstances;

beforeAll(async () => {
  const redis = isLong ? await startRedis() : undefined;
  stops.push(async () => redis?.stop());
  const packages = isLong ? await pack(root, place, '--ignore-scripts') : 'of the specs';
  circumstances = { packages, addresses: { REDIS_URL: String(redis?.url) } };
});
afterAll(() => Promise.all(stops.map((stop) => stop())));

async function application(name: string, packages: string): Promise<Newcomer> {
  const folder = join(place, name);
  mkdirSync(folder);
  const newcomer = new Newcomer(folder, circumstances);
  stops.push(() => newcomer.end());
  for (const line of [
    'npm init -y',
    `npm install ${packages}`,
    'export REDIS_URL=',
    'export SESSION_SECRET=of-the-specs-and-long',
  ]) {
    await newcomer.enter(line);
  }
  return newcomer;
}

const view = [{ method: 'GET', path: '/' }] as const;

describe('In an application that does what the page says, the same visitor stays logged in', () => {
  it.each(played)('from %s', async (name) => {
    const steps = stepsOf(`docs/migrating-from-${name}.md`);
    const program = steps.find((step) => step.does === 'change')?.block;
    if (program === undefined) throw new Error(`The page about ${name} has no application`);
    const old = applicationBefore(program);
    expect(old).toContain(`= require('${name}');\n`);

    const newcomer = await application(name, before[name] as string);
    await newcomer.save('app.js', old);
    await newcomer.enter('node app.js');
    const transcript = program.transcript;
    expect(await newcomer.visit(transcript)).toEqual(transcript.map(({ reply }) => reply));
    let views = transcript.length;
    const goesOn = async () => {
      await newcomer.restart();
      views += 1;
      expect(await newcomer.visit(view)).toEqual([`200 views: ${views}`]);
    };

    const began = performance.now();
    for (const step of steps) {
      await newcomer.follow([step]);
      await goesOn();
      if (!('block' in step) || step.block !== program || !isLong) continue;
      // And back, as the page says.
      await newcomer.save('app.js', old);
      await goesOn();
      await newcomer.save('app.js', program.code);
      await goesOn();
    }
    const took = performance.now() - began;
    process.stdout.write(`from ${name}: ${(took / 1000).toFixed(1)} s\n`);
    expect(took).toBeLessThan(5 * minute);
  });

  if (!isLong) return;

  it('from egg-session, and the plugin takes its place', async () => {
    const newcomer = await application('egg', 'egg@3');
    for (const [file, text] of Object.entries(eggApplication)) await newcomer.save(file, text);
    await newcomer.enter('node server.js');
    expect(await newcomer.visit([...view, ...view])).toEqual(
      [1, 2].map((views) => `200 views: ${views}, by egg-session`),
    );
    const steps: Step[] = stepsOf('docs/migrating-from-egg-session.md', 'The lines to change');
    const began = performance.now();
    await newcomer.follow(steps);
    await newcomer.restart();
    expect(await newcomer.visit(view)).toEqual(['200 views: 3, by koa-evented-session/egg']);
    const took = performance.now() - began;
    process.stdout.write(`from egg-session: ${(took / 1000).toFixed(1)} s\n`);
    expect(took).toBeLessThan(5 * minute);
    await newcomer.save('config/plugin.js', eggApplication['config/plugin.js'] as string);
    await newcomer.restart();
    expect(await newcomer.visit(view)).toEqual(['200 views: 4, by egg-session']);
  });
});
