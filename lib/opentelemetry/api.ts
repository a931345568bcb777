// What this package uses of `@opentelemetry/api`, so that its types compile without it.

/** Makes tracers: a `TracerProvider` of `@opentelemetry/api`. */
export interface TracerProviderLike {
  /** Returns the tracer of a library. */
  getTracer(name: string): object;
}

/** Makes meters: a `MeterProvider` of `@opentelemetry/api`. */
export interface MeterProviderLike {
  /** Returns the meter of a library. */
  getMeter(name: string): object;
}

export type Attributes = Record<string, string | number>;

export type Context = object;

export interface Span {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  end(): void;
}

export interface Tracer {
  startSpan(name: string, options: { kind: number; attributes: Attributes }, parent: Context): Span;
}

interface About {
  description: string;
  unit: string;
  advice?: { explicitBucketBoundaries: number[] };
}

export interface ObservableResult {
  observe(value: number, attributes: Attributes): void;
}

type Observe = (result: ObservableResult) => void;

export interface Meter {
  createHistogram(name: string, about: About): { record(value: number, attributes: Attributes): void };
  createCounter(name: string, about: About): { add(value: number, attributes: Attributes): void };
  createObservableGauge(
    name: string,
    about: About,
  ): { addCallback(observe: Observe): void; removeCallback(observe: Observe): void };
}

export interface Api {
  context: { active(): Context; with<T>(context: Context, run: () => T): T };
  trace: { getTracerProvider(): TracerProviderLike; setSpan(context: Context, span: Span): Context };
  metrics: { getMeterProvider(): MeterProviderLike };
  SpanKind: { CLIENT: number };
  SpanStatusCode: { ERROR: number };
}

/** @throws Error if it is not installed. */
export function requireApi(): Api {
  try {
    return require('@opentelemetry/api') as Api;
  } catch (cause) {
    throw new Error('instrumentSessions() needs the API of OpenTelemetry: run `npm install @opentelemetry/api`.', {
      cause,
    });
  }
}
