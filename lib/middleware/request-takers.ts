import type Koa = require('koa');

/** A session middleware, as others see it that come to the same request. */
export interface Taker {
  /** The name of its cookie. */
  readonly key: string;
}

/** Finds out which middleware of a kind has a request. */
type TakerOf = (ctx: Koa.Context) => Taker | undefined;

const kinds: TakerOf[] = [];
const told = new Set<string>();

/** Makes the middlewares of a kind known to those of the other kinds. Once for each kind: a request is never told, it is asked. */
export function announceTakers(takerOf: TakerOf): void {
  kinds.push(takerOf);
}

/** The session middleware of this package that has the request; the first one that came. */
export function takerOf(ctx: Koa.Context): Taker | undefined {
  for (const kind of kinds) {
    const taker = kind(ctx);
    if (taker !== undefined) return taker;
  }
  return undefined;
}

/**
 * Warns, once for each pair, of a middleware that leaves a request alone since another one has it. One that is used twice is no mistake.
 *
 * @param wants whether it would have taken the request otherwise
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
