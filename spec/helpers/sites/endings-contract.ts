import type session from '../../../lib/main';
import type { EndReason, SessionMiddleware, SessionStore } from '../../../lib/main';
import type { Browser } from '../http/serve';
import { until } from '../time/until';
import { openWatching, visitorAt, type WatchingSite } from './watching-sites';

const opened: SessionMiddleware[] = [];
afterEach(() => Promise.all(opened.splice(0).map((sessions) => sessions.close())));

/** Two sites that share their sessions, as two processes do, with a visitor of both. */
export async function openTwo(storeOf: () => SessionStore, options: session.SessionOptions = {}) {
  const [here, there] = await Promise.all([storeOf(), storeOf()].map((store) => openWatching({ store, ...options })));
  if (here === undefined || there === undefined) throw new Error('Expected two sites');
  opened.push(here.sessions, there.sessions);
  const ann = here.site.visitor();
  await ann.get('/login?user=ann');
  await visitorAt(there, ann).get('/watch');
  // A message that comes before anybody listens is found by the look-up, which tells another reason.
  await there.listens();
  return { here, there, ann };
}

export async function idOf(visitor: Browser, { site }: WatchingSite): Promise<string | undefined> {
  return (await visitor.jar.getCookies(site.url)).find(({ key }) => key === 'koa.sid')?.value;
}

type Sites = { here: WatchingSite; there: WatchingSite; ann: Browser };

const ends: [how: string, reason: EndReason, end: (sites: Sites) => unknown][] = [
  ['a logout', 'logout', ({ ann }) => ann.get('/logout')],
  ['a new id without the data', 'regenerated', ({ ann }) => ann.get('/replace')],
  ['a login of another user', 'regenerated', ({ ann }) => ann.get('/login?user=bob')],
  [
    'sessions.of(user).end(handle)',
    'user',
    async ({ here }) => {
      const [listed] = await here.sessions.of('ann').list();
      await here.sessions.of('ann').end(String(listed?.handle));
    },
  ],
  ['sessions.of(user).endAll()', 'user', ({ here }) => here.sessions.of('ann').endAll()],
  ['maxPerUser', 'limit', ({ here }) => here.site.visitor().get('/login?user=ann')],
  ['store.clear()', 'operator', ({ here }) => here.sessions.store.clear()],
];

let prefixes = 0;
function unused(): string {
  prefixes += 1;
  return `endings ${prefixes}:`;
}

/**
 * What holds for the endings of sessions in every store that passes messages.
 *
 * @param shared returns what opens stores that share their sessions
 */
export function endingsContract(shared: () => () => SessionStore): void {
  it.each(ends)('is told of %s', async (_how, reason, end) => {
    const sites = await openTwo(shared(), { prefix: unused(), maxPerUser: 1 });
    await end(sites);
    await until(() => sites.there.told.length > 0);
    const handle = sites.there.watches[0]?.handle;
    expect(sites.there.told).toEqual([reason]);
    expect(sites.there.ended).toEqual([{ key: handle, reason }]);
    // In the process that ended it, once too.
    expect(sites.here.ended.map((ended) => ended.reason)).toEqual([reason]);
  });

  it('is told nothing of a new id with the data, and is told of the end under that id', async () => {
    const { ann, there } = await openTwo(shared(), { prefix: unused() });
    await ann.get('/rotate');
    await ann.get('/rotate');
    expect(there.told).toEqual([]);
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
  });

  it('is told only of the session that it watches, and not after `stop()`', async () => {
    const { ann, here, there } = await openTwo(shared(), { prefix: unused() });
    const bob = there.site.visitor();
    await bob.get('/login?user=bob');
    await bob.get('/watch');
    there.watches[1]?.stop();
    await here.sessions.of('bob').endAll();
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    await until(() => there.ended.length === 2);
    expect(there.told).toEqual(['logout']);
  });
}
