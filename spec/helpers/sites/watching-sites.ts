import { setTimeout as pause } from 'node:timers/promises';
import type Koa from 'koa';
import session, {
  type EndReason,
  type SessionMiddleware,
  type SessionOptions,
  type SessionStore,
  type SessionWatch,
} from '../../../lib/main';
import { type Browser, browser } from '../http/serve';
import { until } from '../time/until';
import { closedAfterTest } from './open-sites';
import { openSite, type Site, sessionOf } from './session-site';

/** Two sites that stand for two processes, and what each has heard. */
export interface WatchingSite {
  readonly site: Site;
  readonly sessions: SessionMiddleware;
  /** The reasons that watches have been told. */
  readonly told: EndReason[];
  /** What `sessions.watch()` resolved to, by the number of the request to `/watch`. */
  readonly watches: (SessionWatch | null)[];
  /** The `session:ended` events of the application, without what another process cannot know. */
  readonly ended: { key: string; reason: EndReason }[];
  /** Resolves once it hears what another process tells. */
  listens(): Promise<void>;
}

/** What begins with this is no handle. */
const PROBE = 'probe ';

const user = (held: session.Session) => held['user'];

/**
 * A site with the option `broadcastEndings`: `/login?user=…`, `/rotate` gives a new id with the data, `/replace` one without, `/watch`
 * watches the visitor's session.
 */
export async function openWatching(options: SessionOptions): Promise<WatchingSite> {
  const told: EndReason[] = [];
  const watches: (SessionWatch | null)[] = [];
  const sessions = session({ user, broadcastEndings: true, ...options }) as SessionMiddleware;
  const routes = {
    '/login': async (ctx: Koa.Context) => {
      await ctx.regenerateSession();
      (await sessionOf(ctx))['user'] = ctx.query['user'];
    },
    '/rotate': (ctx: Koa.Context) => ctx.regenerateSession({ keepData: true }),
    '/replace': (ctx: Koa.Context) => ctx.regenerateSession(),
    '/watch': async (ctx: Koa.Context) => {
      watches.push(await sessions.watch(ctx.req, (reason) => told.push(reason)));
    },
  };
  const site = await closedAfterTest(openSite({ use: sessions, routes }));
  const ended: { key: string; reason: EndReason }[] = [];
  let probes = 0;
  site.app.on('session:ended', ({ key, reason }: session.SessionEndedEvent) => {
    if (key.startsWith(PROBE)) probes += 1;
    else ended.push({ key, reason });
  });
  const listens = async () => {
    const { client, prefix } = sessions.store;
    const teller = new session.Store(client as SessionStore, { prefix, broadcastEndings: true });
    await until(async () => {
      teller.endings?.announce(`${PROBE}${Math.random()}`, 'operator');
      await pause(2);
      return probes > 0;
    });
    await teller.close();
  };
  return { site, sessions, told, watches, ended, listens };
}

/** The same visitor at another site. */
export function visitorAt({ site }: WatchingSite, visitor: Browser): Browser {
  return browser(site.url, visitor.jar);
}
