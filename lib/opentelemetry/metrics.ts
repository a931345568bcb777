import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SessionMessage } from '../base/session-channel';
import type { StoreCall } from '../client/tracing';
import type { Meter } from './api';
import { measuredOf, PREFIX, REASON } from './attributes';
import { ASYNC_END, SESSION } from './channels';

/** The limits of buckets in seconds that the conventions ask for. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** Measures calls of stores and counts what happens to sessions, until the returned function is called. */
export function measure(meter: Meter): () => void {
  const stops = [measureCalls(meter), countSessions(meter)];
  return () => {
    for (const stop of stops) stop();
  };
}

function measureCalls(meter: Meter): () => void {
  const advice = { explicitBucketBoundaries: BUCKETS };
  const durations = meter.createHistogram('db.client.operation.duration', {
    description: 'Duration of database client operations.',
    unit: 's',
    advice,
  });
  const waits = meter.createHistogram('koa.session.wait.duration', {
    description: 'Time that calls of a session store waited until the store was connected.',
    unit: 's',
    advice,
  });
  const conflicts = meter.createCounter('koa.session.conflicts', {
    description: 'Changes of sessions that were refused because another request came first.',
    unit: '{conflict}',
  });
  return heard(ASYNC_END, (message) => {
    const call = message as StoreCall;
    const attributes = { [PREFIX]: call.prefix };
    if (call.waited > 0) waits.record(call.waited / 1000, attributes);
    if (call.outcome === 'conflict') conflicts.add(1, attributes);
    if (call.method !== 'connect') durations.record((call.duration as number) / 1000, measuredOf(call));
  });
}

function countSessions(meter: Meter): () => void {
  const created = meter.createCounter('koa.session.created', {
    description: 'Sessions that were stored for the first time.',
    unit: '{session}',
  });
  const ended = meter.createCounter('koa.session.ended', {
    description: 'Sessions that have ended. Most that expire do so in the store, which tells nobody.',
    unit: '{session}',
  });
  return heard(SESSION, (message) => {
    const { continued, event, prefix, reason } = message as SessionMessage;
    if (event === 'session:created' && !continued) created.add(1, { [PREFIX]: prefix });
    if (reason !== undefined) ended.add(1, { [PREFIX]: prefix, [REASON]: reason });
  });
}

function heard(channel: string, use: (message: unknown) => void): () => void {
  subscribe(channel, use);
  return () => unsubscribe(channel, use);
}
