import { expected, expectMethods, expectMilliseconds, isGiven } from '../base/expect';
import { warnOfUnknown } from '../base/unknown-options';
import { type Meter, type MeterProviderLike, requireApi, type Tracer, type TracerProviderLike } from './api';
import { type CountableStore, observeLive } from './live';
import { measure } from './metrics';
import { makeSpans } from './spans';

export type { MeterProviderLike, TracerProviderLike } from './api';
export type { CountableStore } from './live';

/** Options of {@link instrumentSessions}. `null` and `undefined` mean "not given". */
export interface InstrumentOptions {
  /** Makes the tracer; `false` for no spans. Default: the provider that is registered globally. */
  tracerProvider?: TracerProviderLike | false | null | undefined;
  /**
   * Makes the meter; `false` for no metrics. Default: the provider that is registered globally, which must have been
   * registered before.
   */
  meterProvider?: MeterProviderLike | false | null | undefined;
  /**
   * Stores whose sessions are counted, for `koa.session.live`. Counting walks the whole store, so leave it to one
   * process. Default: none.
   */
  live?: CountableStore | readonly CountableStore[] | null | undefined;
  /**
   * Milliseconds between two counts of a store: a count begins when metrics are collected, runs beside traffic, and is
   * shown by the next collection. If it fails, the number from before is shown. Default: 60 000.
   */
  countEvery?: number | null | undefined;
}

/** Stops the instrumentation. `using` calls it too. */
export interface InstrumentedSessions extends Disposable {
  /** Stops the instrumentation; calling it again does nothing. */
  (): void;
}

const NAME = 'koa-evented-session';
const OPTIONS = [
  'tracerProvider',
  'meterProvider',
  'live',
  'countEvery',
] as const satisfies readonly (keyof InstrumentOptions)[];
const COUNT_EVERY = 60_000;

/**
 * Makes spans and metrics of all stores and sessions in this process, for OpenTelemetry. Call it once, after the SDK
 * has been set up. Needs the package `@opentelemetry/api`.
 *
 * @throws TypeError if an option has the wrong type.
 *
 * @throws Error if `@opentelemetry/api` is not installed.
 */
export function instrumentSessions(options?: InstrumentOptions | null): InstrumentedSessions {
  const { tracerProvider, meterProvider, live, countEvery } = resolve(options ?? {});
  const api = requireApi();
  const stops: (() => void)[] = [];
  if (tracerProvider !== false) {
    const tracer = (tracerProvider ?? api.trace.getTracerProvider()).getTracer(NAME) as Tracer;
    stops.push(makeSpans(api, tracer));
  }
  if (meterProvider !== false) {
    const meter = (meterProvider ?? api.metrics.getMeterProvider()).getMeter(NAME) as Meter;
    stops.push(measure(meter));
    if (live.length > 0) stops.push(observeLive(meter, live, countEvery));
  }
  const stop = () => {
    for (const one of stops.splice(0)) one();
  };
  return Object.assign(stop, { [Symbol.dispose]: stop });
}

/** @throws TypeError */
function resolve(options: InstrumentOptions) {
  if (typeof options !== 'object' || Array.isArray(options)) throw expected('options', 'an object', options);
  warnOfUnknown(Object.keys(options), { known: OPTIONS, whose: 'the option of `instrumentSessions()` ' });
  const { tracerProvider, meterProvider } = options;
  if (isGiven(tracerProvider) && tracerProvider !== false)
    expectMethods('tracerProvider', tracerProvider, ['getTracer']);
  if (isGiven(meterProvider) && meterProvider !== false) expectMethods('meterProvider', meterProvider, ['getMeter']);
  const live = [options.live ?? []].flat() as readonly CountableStore[];
  for (const store of live) expectMethods('live', store, ['count']);
  const countEvery = options.countEvery ?? COUNT_EVERY;
  expectMilliseconds('countEvery', countEvery, 1);
  return { tracerProvider, meterProvider, live, countEvery };
}
