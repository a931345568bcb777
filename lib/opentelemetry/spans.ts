import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import type { StoreCall } from '../client/tracing';
import type { Api, Context, Span, Tracer } from './api';
import { attributesAtEnd, attributesOf } from './attributes';
import { ASYNC_END, START } from './channels';

/**
 * Makes a span of each call of a store, until the returned function is called. During the call, it is the active span:
 * those of the driver are its children.
 */
export function makeSpans(api: Api, tracer: Tracer): () => void {
  const spans = new WeakMap<object, Span>();
  const active = new ActiveContext(api);
  const start = channel(START);
  const end = channel(ASYNC_END);

  const begin = (message: unknown): Context => {
    const call = message as StoreCall;
    const parent = api.context.active();
    const options = { kind: api.SpanKind.CLIENT, attributes: attributesOf(call) };
    const span = tracer.startSpan(`${call.method} ${call.prefix}`.trim(), options, parent);
    spans.set(call, span);
    return api.trace.setSpan(parent, span);
  };
  const ended = (message: unknown) => {
    const call = message as StoreCall;
    const span = spans.get(call);
    span?.setAttributes(attributesAtEnd(call));
    if (call.error !== undefined) span?.setStatus({ code: api.SpanStatusCode.ERROR, message: call.error.message });
    span?.end();
  };

  start.bindStore(active, begin);
  end.subscribe(ended);
  return () => {
    start.unbindStore(active);
    end.unsubscribe(ended);
  };
}

/** Lets a channel enter contexts of OpenTelemetry, whose storage is its own. */
class ActiveContext extends AsyncLocalStorage<Context> {
  readonly #api: Api;

  constructor(api: Api) {
    super();
    this.#api = api;
  }

  override run<R, Args extends unknown[]>(context: Context, callback: (...args: Args) => R, ...args: Args): R {
    return this.#api.context.with(context, () => callback(...args));
  }
}
