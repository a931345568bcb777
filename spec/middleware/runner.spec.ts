import Koa from 'koa';
import { type RunningSession, sessionRunner } from '../../lib/middleware/runner';
import { browser, serve } from '../helpers/http/serve';

/** A request whose session and handler note what they do, in its order; some of it fails. */
async function run(
  failing: string[],
  session: (does: (what: string) => () => undefined) => RunningSession | undefined,
) {
  const done: string[] = [];
  const does = (what: string) => () => {
    done.push(what);
    if (failing.includes(what)) throw new Error(`${what} failed`);
    return undefined;
  };
  const app = new Koa();
  app.on('error', ({ message }: Error) => done.push(message));
  app.use(sessionRunner(() => session(does)));
  app.use((ctx) => {
    does('handle')();
    ctx.body = 'handled';
  });
  const site = await serve(app);
  const { status } = await browser(site.url).get('/');
  await site.close();
  return [status, ...done];
}

const noted = (does: (what: string) => () => undefined): RunningSession => ({
  start: async () => does('start')(),
  commit: async () => does('commit')(),
  leave: does('leave'),
});

describe('The runner of a request with its session', () => {
  it('starts before the handlers, and commits after them', async () => {
    expect(await run([], noted)).toEqual([200, 'start', 'handle', 'commit', 'leave']);
  });

  it('creates no promise if there is nothing to wait for', async () => {
    const sync = (does: (what: string) => () => undefined) => ({
      start: does('start'),
      commit: does('commit'),
      leave: does('leave'),
    });
    expect(await run([], sync)).toEqual([200, 'start', 'handle', 'commit', 'leave']);
  });

  it('skips a request of another middleware', async () => {
    expect(await run([], () => undefined)).toEqual([200, 'handle']);
  });

  it('commits if the handler fails, and answers with the error of the handler', async () => {
    const told = [500, 'start', 'handle', 'commit', 'commit failed', 'leave', 'handle failed'];
    expect(await run(['handle', 'commit'], noted)).toEqual(told);
  });

  it('fails the request if the session cannot be saved', async () => {
    expect(await run(['commit'], noted)).toEqual([500, 'start', 'handle', 'commit', 'leave', 'commit failed']);
  });
});
