import Koa from 'koa';
import { LightJar, lightly } from '../http/light-requests';

/** What configurations hold by mistake, or where somebody left a field empty. */
export const ODD: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  "''": '',
  0: 0,
  false: false,
  true: true,
  // Long enough that a record with this ttl, in milliseconds, lives until the next request.
  60000: 60_000,
  "'text'": 'text',
  NaN: Number.NaN,
  '[]': [],
  '{}': {},
  '() => 60000': () => 60_000,
};

/** Makes the middleware of one package, for an application. */
export type Make = (options: object, app: Koa) => Koa.Middleware;

/**
 * With which odd values an option works in the first package, and comes to something else in the second: what it comes to there.
 * That is `refused` at set-up, the status of a request that failed, or the Set-Cookie line, and whether the next request found
 * the session.
 *
 * @param aside what does not count in a Set-Cookie line
 */
export async function differences(
  [theirs, ours]: [Make, Make],
  optionsOf: (value: unknown) => object,
  aside = /(?!)/,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(ODD)) {
    const peers = await outcome(theirs, optionsOf(value));
    if (/refused|500|lost/.test(peers)) continue;
    const own = (await outcome(ours, optionsOf(value))).replace(aside, '');
    if (own !== peers.replace(aside, '')) found[name] = own;
  }
  return found;
}

async function outcome(make: Make, options: object): Promise<string> {
  const app = new Koa();
  app.keys = ['a key'];
  app.silent = true;
  try {
    app.use(make(options, app));
  } catch {
    return 'refused';
  }
  app.use(async (ctx) => {
    const session = (await ctx.session) as unknown as Record<string, unknown>;
    ctx.status = session['seen'] ? 201 : 202;
    session['seen'] = true;
  });
  const ask = lightly(app);
  const first = await ask('/');
  if (first.status !== 202) return String(first.status);
  const jar = new LightJar(first.setCookie);
  const second = await ask('/', jar.header);
  const line = first.setCookie.find((it) => !/^[^=]*\.sig=/.test(it)) ?? 'no cookie';
  // Only this package says it.
  const told = line
    .replace(/^([^=]*)=[^;]*/, '$1')
    .replace(/expires=[^;]*/, dated)
    .replace(/; max-age=\d+/, '');
  return second.status === 201 ? told : `${told}, then ${second.status === 202 ? 'lost' : second.status}`;
}

/** An end in hours from now. */
function dated(text: string): string {
  return `expires in ${Math.round((Date.parse(text.slice('expires='.length)) - Date.now()) / 3_600_000)} h`;
}
