import { channel } from 'node:diagnostics_channel';
import { type StoreCall, surround } from '../client/tracing';
import type { Api, Span, Tracer } from './api';
import { attributesAtEnd, attributesOf } from './attributes';
import { ASYNC_END, START } from './channels';

/**
 * Makes a span of each call of a store, until the returned function is called. During the call, it is the active span:
 * those of the driver are its children.
 */
export function makeSpans(api: Api, tracer: Tracer): () => void {
  const spans = new WeakMap<object, Span>();
  const start = channel(START);
  const end = channel(ASYNC_END);

  const begin = (message: unknown) => {
    const call = message as StoreCall;
    const parent = api.context.active();
    const options = { kind: api.SpanKind.CLIENT, attributes: attributesOf(call) };
    const span = tracer.startSpan(`${call.method} ${call.prefix}`.trim(), options, parent);
    spans.set(call, span);
    const context = api.trace.setSpan(parent, span);
    surround(call, (run) => api.context.with(context, run));
  };
  const ended = (message: unknown) => {
    const call = message as StoreCall;
    const span = spans.get(call);
    span?.setAttributes(attributesAtEnd(call));
    if (call.error !== undefined) span?.setStatus({ code: api.SpanStatusCode.ERROR, message: call.error.message });
    span?.end();
  };

  start.subscribe(begin);
  end.subscribe(ended);
  return () => {
    start.unsubscribe(begin);
    end.unsubscribe(ended);
  };
}
