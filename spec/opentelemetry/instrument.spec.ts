import session, { MemoryStore, type SessionOptions, Store } from '../../lib/main';
import { type InstrumentOptions, instrumentSessions } from '../../lib/opentelemetry';
import type { Api, MeterProviderLike, Tracer, TracerProviderLike } from '../../lib/opentelemetry/api';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';
import { until } from '../helpers/time/until';
import { interop } from '../interop';

// The package requires it as it is installed for specs.
jest.mock('@opentelemetry/api', () => jest.requireActual('../interop/node_modules/@opentelemetry/api'), {
  virtual: true,
});

/** What this spec uses of the API beyond what the package does. */
type FullApi = Api & {
  context: { setGlobalContextManager(manager: object): void; disable(): void };
  trace: { setGlobalTracerProvider(provider: object): void; disable(): void };
  SpanStatusCode: { UNSET: number };
};
const api = interop('@opentelemetry/api') as FullApi;

type FullTracer = Tracer & {
  startSpan(name: string): { end(): void };
  startActiveSpan<T>(name: string, run: (span: { end(): void }) => T): T;
};

type Attributes = Record<string, unknown>;

/** What this spec uses of a finished span. */
interface Span {
  name: string;
  kind: number;
  attributes: Attributes;
  status: { code: number; message?: string };
  parentSpanContext?: { spanId: string };
  spanContext(): { spanId: string };
}

/** What this spec uses of a metric's value. */
interface Point {
  attributes: Attributes;
  value: number & { count: number; sum: number; buckets: { boundaries: number[] } };
}

interface Metric {
  descriptor: { name: string; unit: string; type: string };
  dataPoints: Point[];
}

interface SpanExporter {
  getFinishedSpans(): Span[];
  reset(): void;
}

interface MetricReader {
  collect(): Promise<{ resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }; errors: unknown[] }>;
}

const { InMemorySpanExporter, SimpleSpanProcessor, BasicTracerProvider } = interop('@opentelemetry/sdk-trace-base') as {
  InMemorySpanExporter: new () => SpanExporter;
  SimpleSpanProcessor: new (exporter: SpanExporter) => object;
  BasicTracerProvider: new (options: object) => TracerProviderLike;
};
const { MeterProvider, PeriodicExportingMetricReader, InMemoryMetricExporter } = interop(
  '@opentelemetry/sdk-metrics',
) as {
  MeterProvider: new (options: object) => MeterProviderLike & { shutdown(): Promise<void> };
  PeriodicExportingMetricReader: new (options: object) => MetricReader;
  InMemoryMetricExporter: new (temporality: number) => object;
};
const { AsyncLocalStorageContextManager } = interop('@opentelemetry/context-async-hooks') as {
  AsyncLocalStorageContextManager: new () => { enable(): object };
};

const SECRET = 'a secret that no span may hold';
const CUMULATIVE = 1;

const ends: (() => unknown)[] = [];
beforeAll(() => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => api.context.disable());

function instrumented(options: InstrumentOptions = {}) {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const stop = instrumentSessions({ tracerProvider, meterProvider, ...options });
  ends.push(stop, () => meterProvider.shutdown());
  const metrics = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return new Map(
      resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics).map((metric) => [metric.descriptor.name, metric]),
    );
  };
  /** The values of a metric, with their attributes. */
  const values = async (name: string) =>
    ((await metrics()).get(name)?.dataPoints ?? []).map(({ attributes, value }) => [attributes, value.count ?? value]);
  return { exporter, tracer: tracerProvider.getTracer('spec') as FullTracer, metrics, values, stop };
}

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
};

function site(options: SessionOptions) {
  return closedAfterTest(openSite({ use: session({ prefix: 'shop:', ...options }), routes }));
}

describe('Spans', () => {
  it('are those of a client of a database, one for each call', async () => {
    const { exporter } = instrumented();
    const { get } = (await site({ store: new MemoryStore() })).visitor();
    await get('/put?n=1');
    await get('/see');
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ['create shop:', api.SpanKind.CLIENT],
      ['load shop:', api.SpanKind.CLIENT],
    ]);
    expect(spans[1]?.attributes).toEqual({
      'db.system.name': 'memory',
      'db.operation.name': 'load',
      'db.collection.name': 'shop:',
      'koa.session.store': 'memory',
      'koa.session.outcome': 'found',
      'koa.session.attempts': 1,
      'koa.session.record.size': expect.any(Number),
    });
    expect(spans[1]?.status).toEqual({ code: api.SpanStatusCode.UNSET });
  });

  it('are children of the active span, and parents of what the client does', async () => {
    const { exporter, tracer } = instrumented();
    const client = new MapClient();
    const get = client.get.bind(client);
    client.get = async (key) => {
      await null;
      tracer.startSpan('GET').end();
      return get(key);
    };
    const store = new Store(client);
    await tracer.startActiveSpan('request', async (request) => {
      await store.get('sid');
      tracer.startSpan('after').end();
      request.end();
    });
    const spans = exporter.getFinishedSpans();
    const parentOf = (name: string) =>
      spans.find(
        (span) => span.spanContext().spanId === spans.find((child) => child.name === name)?.parentSpanContext?.spanId,
      )?.name;
    expect([parentOf('GET'), parentOf('get koa:sess:'), parentOf('after')]).toEqual([
      'get koa:sess:',
      'request',
      'request',
    ]);
    await store.close();
  });

  it('have the code of an error, and no secrets', async () => {
    const { exporter, values } = instrumented();
    const fail = () => Promise.reject(new Error(`no record ${SECRET}`));
    const store = new Store({ get: fail, set: fail, destroy: fail }, { prefix: 'shop:' });
    await expect(store.get(SECRET)).rejects.toThrow();
    const [span] = exporter.getFinishedSpans();
    expect(span?.status).toMatchObject({
      code: api.SpanStatusCode.ERROR,
      message: expect.stringContaining('no record'),
    });
    expect(span?.attributes).toMatchObject({
      'error.type': 'ERR_SESSION_STORE',
      'koa.session.outcome': 'ERR_SESSION_STORE',
      'db.system.name': 'custom',
    });
    expect(JSON.stringify([span?.name, span?.attributes, span?.status])).not.toContain(SECRET);
    const [[attributes, count] = []] = await values('db.client.operation.duration');
    expect([attributes, count]).toEqual([expect.objectContaining({ 'error.type': 'ERR_SESSION_STORE' }), 1]);
    await store.close();
  });
});

describe('Metrics', () => {
  it('count sessions that are created, and those that end, by reason', async () => {
    const { values } = instrumented();
    const { visitor } = await site({ store: new MemoryStore() });
    const [ann, bob] = [visitor(), visitor()];
    for (const { get } of [ann, bob]) await get('/put?n=1');
    await ann.get('/rotate');
    await ann.get('/login?user=ann');
    await ann.get('/logout');
    const shop = { 'koa.session.prefix': 'shop:' };
    expect(await values('koa.session.created')).toEqual([[shop, 3]]);
    expect(await values('koa.session.ended')).toEqual([
      [{ ...shop, 'koa.session.end.reason': 'regenerated' }, 1],
      [{ ...shop, 'koa.session.end.reason': 'logout' }, 1],
    ]);
  });

  it('measure calls in seconds, with the buckets of the conventions', async () => {
    const { metrics } = instrumented();
    const { get } = (await site({ store: new MemoryStore() })).visitor();
    await get('/put?n=1');
    for (let n = 0; n < 3; n += 1) await get('/see');
    const durations = (await metrics()).get('db.client.operation.duration');
    expect(durations?.descriptor).toMatchObject({ unit: 's', type: 'HISTOGRAM' });
    const load = durations?.dataPoints.find(({ attributes }) => attributes['db.operation.name'] === 'load');
    expect(load?.attributes).toEqual({
      'db.system.name': 'memory',
      'db.operation.name': 'load',
      'db.collection.name': 'shop:',
    });
    expect(load?.value.count).toBe(3);
    expect(load?.value.sum).toBeLessThan(1);
    expect(load?.value.buckets.boundaries).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
  });

  it('count conflicts', async () => {
    const { values } = instrumented();
    const store = new MemoryStore();
    const { get } = (await site({ store })).visitor();
    await get('/put?n=1');
    const swap = store.swap.bind(store);
    jest.spyOn(store, 'swap').mockImplementationOnce((key, record, ttl, revision) => {
      swap(key, JSON.stringify({ ...JSON.parse(record), other: 1 }), ttl, revision);
      return swap(key, record, ttl, revision);
    });
    await get('/put?mine=1');
    expect((await get('/see')).json()).toEqual({ n: '1', mine: '1', other: 1 });
    expect(await values('koa.session.conflicts')).toEqual([[{ 'koa.session.prefix': 'shop:' }, 1]]);
  });

  it('measure how long calls wait for the connection', async () => {
    const { metrics } = instrumented();
    const client = new EmittingClient();
    const store = new Store(client);
    client.emit('disconnect');
    const reading = store.get('sid');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.emit('connect');
    await reading;
    const [wait] = (await metrics()).get('koa.session.wait.duration')?.dataPoints ?? [];
    expect(wait?.value.count).toBe(1);
    expect(wait?.value.sum).toBeGreaterThan(0.015);
    await store.close();
  });

  it('tell how many sessions a store has', async () => {
    const store = new Store(new MemoryStore(), { prefix: 'shop:' });
    for (const sid of ['one', 'two']) await store.set(sid, { cookie: {} });
    const { values } = instrumented({ live: store });
    await values('koa.session.live');
    await until(async () => {
      const [[attributes, count] = []] = await values('koa.session.live');
      return JSON.stringify([attributes, count]) === '[{"koa.session.prefix":"shop:"},2]';
    });
    await store.close();
  });

  it('tell how many sessions live, as counted last', async () => {
    let asked = 0;
    let next: () => Promise<number> = async () => 41;
    const count = () => {
      asked += 1;
      return next();
    };
    const { values } = instrumented({ live: { prefix: 'shop:', count }, countEvery: 3_600_000 });
    const name = 'koa.session.live';
    expect(await values(name)).toEqual([]);
    expect(await values(name)).toEqual([[{ 'koa.session.prefix': 'shop:' }, 41]]);
    expect(asked).toBe(1);
    const often = instrumented({ live: [{ prefix: 'shop:', count }], countEvery: 1 });
    const later = () => new Promise((resolve) => setTimeout(resolve, 5));
    await often.values(name);
    await later();
    expect(await often.values(name)).toEqual([[{ 'koa.session.prefix': 'shop:' }, 41]]);
    next = () => Promise.reject(new Error('the store is away'));
    await later();
    await often.values(name);
    await later();
    expect(await often.values(name)).toEqual([[{ 'koa.session.prefix': 'shop:' }, 41]]);
    next = async () => 42;
    await later();
    await often.values(name);
    await later();
    expect(await often.values(name)).toEqual([[{ 'koa.session.prefix': 'shop:' }, 42]]);
  });
});

describe('The instrumentation', () => {
  const heard = async (options: InstrumentOptions, act: (stop: () => void) => unknown = () => undefined) => {
    const { exporter, metrics, stop } = instrumented(options);
    await act(stop);
    const { get } = (await site({ store: new MemoryStore() })).visitor();
    await get('/put?n=1');
    return [exporter.getFinishedSpans().length, (await metrics()).size];
  };

  it('stops, by `using` too', async () => {
    expect(await heard({}, (stop) => stop())).toEqual([0, 0]);
    expect(await heard({}, (stop) => (stop as never as Disposable)[Symbol.dispose]())).toEqual([0, 0]);
  });

  it('leaves out spans, or metrics', async () => {
    expect(await heard({ tracerProvider: false })).toEqual([0, 2]);
    expect(await heard({ meterProvider: false })).toEqual([1, 0]);
  });

  it('uses the providers that are registered globally', async () => {
    const exporter = new InMemorySpanExporter();
    const { trace } = api;
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    ends.push(instrumentSessions(), () => trace.disable());
    const store = new Store(new MemoryStore());
    await store.get('sid');
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['get koa:sess:']);
    await store.close();
  });

  it.each<[object, RegExp]>([
    [{ tracerProvider: {} }, /`tracerProvider`.*getTracer/],
    [{ meterProvider: true }, /`meterProvider`.*getMeter/],
    [{ live: 1 }, /`live`.*count/],
    [{ countEvery: 0 }, /`countEvery`/],
    [[], /`options`/],
  ])('refuses %j', (options, message) => {
    expect(() => instrumentSessions(options as InstrumentOptions)).toThrow(message);
  });
});
