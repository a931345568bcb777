import type Koa = require('koa');

/** A session middleware as other session middlewares see it. */
export interface Taker {
  /** The name of its cookie. */
  readonly key: string;
}

/** Finds the middleware of one kind that has a request. */
type TakerOf = (ctx: Koa.Context) => Taker | undefined;

const kinds: TakerOf[] = [];
const told = new Set<string>();

/** Registers a kind of middleware, once per kind. A request is not marked; each kind is asked when needed. */
export function announceTakers(takerOf: TakerOf): void {
  kinds.push(takerOf);
}

/** This package's session middleware that has the request: the first one that ran. */
export function takerOf(ctx: Koa.Context): Taker | undefined {
  for (const kind of kinds) {
    const taker = kind(ctx);
    if (taker !== undefined) return taker;
  }
  return undefined;
}

/**
 * Warns, once for each pair, that a middleware skips requests that another one has. Using one middleware twice is not a
 * mistake.
 *
 * @param wants whether it would have handled the request otherwise
 */
export function warnOfTaken(
  ctx: Koa.Context,
  ignored: Taker,
  advice: string,
  wants: (ctx: Koa.Context) => boolean = () => true,
): void {
  const taker = takerOf(ctx);
  if (taker === ignored) return;
  const text = `The session middleware with the cookie \`${ignored.key}\` is ignored: ${nameOf(taker, ignored)} came first and has the request. ${advice}`;
  if (told.has(text) || !wants(ctx)) return;
  told.add(text);
  process.emitWarning(text, { code: 'KOA_EVENTED_SESSION_IGNORED' });
}

function nameOf(taker: Taker | undefined, { key }: Taker): string {
  if (taker === undefined) return 'another middleware, which provides `ctx.session`,';
  return taker.key === key ? 'another one with that cookie' : `that with the cookie \`${taker.key}\``;
}
