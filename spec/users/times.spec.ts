import session = require('../../lib/main');

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const NOW = Date.UTC(2030, 0, 1);
const [MINUTE, HOUR] = [60_000, 3_600_000];

everyTestStartsAt(NOW);

/** Ann has logged in; what `list` tells of her session, in milliseconds since then. */
async function ann(options: session.SessionOptions, login: (held: session.Session) => void = () => undefined) {
  const sessions = session({ user: (held) => held['user'] as string | undefined, ...options });
  const routes: Routes = {
    '/login': async (ctx) => {
      const held = await sessionOf(ctx);
      held['user'] = 'ann';
      login(held);
    },
  };
  const { visitor } = await closedAfterTest(openSite({ use: sessions, routes }));
  const browser = visitor();
  await browser.get('/login');
  const times = async () => {
    const [{ createdAt, lastSeenAt, expiresAt } = {}] = await sessions.of('ann').list();
    return [createdAt, lastSeenAt, expiresAt].map((time) => Number(time) - NOW);
  };
  return { browser, times };
}

describe('the times of a listed session', () => {
  it('are exact with `rolling`', async () => {
    const { browser, times } = await ann({ rolling: true, ttl: 30 * MINUTE });
    pass(20 * MINUTE);
    await browser.get('/see');
    pass(5 * MINUTE);
    expect(await times()).toEqual([0, 20 * MINUTE, 50 * MINUTE]);
  });

  it('are those of the last extension with `renew`', async () => {
    const { browser, times } = await ann({ renew: 0.5, ttl: 30 * MINUTE });
    pass(20 * MINUTE);
    await browser.get('/see');
    pass(5 * MINUTE);
    await browser.get('/see');
    expect(await times()).toEqual([0, 20 * MINUTE, 50 * MINUTE]);
  });

  it('are those of the last change otherwise', async () => {
    const { browser, times } = await ann({ ttl: 30 * MINUTE });
    pass(5 * MINUTE);
    await browser.get('/put?key=1');
    pass(5 * MINUTE);
    await browser.get('/see');
    expect(await times()).toEqual([0, 5 * MINUTE, 35 * MINUTE]);
  });

  it('do not show a session as in use because `absoluteTimeout` comes before its ttl', async () => {
    const { browser, times } = await ann({ rolling: true, ttl: 30 * MINUTE, absoluteTimeout: HOUR });
    pass(25 * MINUTE);
    await browser.get('/see');
    pass(20 * MINUTE);
    await browser.get('/see');
    pass(10 * MINUTE);
    // Last used after 45 minutes: all that the record tells is that it was after 30.
    expect(await times()).toEqual([0, 30 * MINUTE, HOUR]);
  });

  it.each<[string, (held: session.Session) => void, session.SessionOptions]>([
    [
      'its cookie',
      (held) => {
        held.cookie.expires = new Date(NOW + HOUR);
      },
      {},
    ],
    ['`absoluteTimeout`', () => undefined, { absoluteTimeout: HOUR }],
  ])('do not show a session as in use if %s ends it at a fixed time', async (_what, login, options) => {
    const { times } = await ann(options, login);
    pass(10 * MINUTE);
    expect(await times()).toEqual([0, 0, HOUR]);
  });
});
