import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import type { SessionMessage, StoreCall } from '../../../lib/main';

const STORE = 'koa-evented-session:store';
const SESSION = 'koa-evented-session:session';
const PARTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

let stops: (() => void)[] = [];

/** The calls of stores that have ended, in order. Listens until {@link stopListening}. */
export function heardCalls(): StoreCall[] {
  const calls: StoreCall[] = [];
  const ended = (message: unknown) => calls.push(message as StoreCall);
  subscribe(`tracing:${STORE}:asyncEnd`, ended);
  stops.push(() => unsubscribe(`tracing:${STORE}:asyncEnd`, ended));
  return calls;
}

/** The parts of calls that are told of, in order, with copies of what is known by then. */
export function heardParts(): [part: (typeof PARTS)[number], call: StoreCall][] {
  const parts: [(typeof PARTS)[number], StoreCall][] = [];
  const listeners = Object.fromEntries(
    PARTS.map((part) => [part, (message: unknown) => parts.push([part, { ...(message as StoreCall) }])]),
  ) as unknown as Record<(typeof PARTS)[number], (message: unknown) => void>;
  const channel = tracingChannel<string, object>(STORE);
  channel.subscribe(listeners);
  stops.push(() => channel.unsubscribe(listeners));
  return parts;
}

/** What happens to sessions, in order. Listens until {@link stopListening}. */
export function heardSessions(): SessionMessage[] {
  const messages: SessionMessage[] = [];
  const heard = (message: unknown) => messages.push(message as SessionMessage);
  subscribe(SESSION, heard);
  stops.push(() => unsubscribe(SESSION, heard));
  return messages;
}

export function stopListening(): void {
  for (const stop of stops) stop();
  stops = [];
}
