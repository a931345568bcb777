import { hasMethod } from '../../base/expect';

/** Methods that have nothing to do with what is in a record. */
const METHODS = [
  'destroy',
  'touch',
  'enroll',
  'members',
  'dismiss',
  'endedNow',
  'keys',
  'peek',
  'publish',
  'subscribe',
  'on',
  'once',
  'off',
  'removeListener',
  'listenerCount',
  'unanswered',
  'close',
] as const;

/** What a Store asks a client about its connection and its ways. */
const PROPERTIES = [
  'status',
  'connected',
  'isReady',
  'isOpen',
  'slots',
  'client',
  'knex',
  'table',
  'breaks',
  'ordersCalls',
  'notesEnd',
] as const;

/**
 * Gives `outer` what the client has of these, and nothing else: a method that is not known here could store, or return,
 * a record past the seal.
 */
export function passOn(outer: object, client: object): void {
  const inner = client as Record<string, (...args: unknown[]) => unknown>;
  for (const name of METHODS) {
    if (!hasMethod(client, name)) continue;
    Object.defineProperty(outer, name, { value: (...args: unknown[]) => inner[name]?.(...args), ...SHOWN });
  }
  for (const name of PROPERTIES) {
    if (name in client) Object.defineProperty(outer, name, { get: () => inner[name], enumerable: true });
  }
}

const SHOWN = { enumerable: true, writable: true, configurable: true };
