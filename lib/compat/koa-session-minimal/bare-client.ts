import {
  type CompareAndSetStore,
  type EndingStore,
  type SessionStore,
  Store,
  type SwapResult,
} from '../../middleware/engine';
import { type Data, fromEngine, toEngine } from './data';

type Client = SessionStore & CompareAndSetStore & EndingStore;
type Converter = (client: Client) => (...args: never[]) => unknown;

/** The methods that see records. All others pass through. */
const CONVERTERS: Readonly<Record<string, Converter>> = {
  get: (client) => (key: string) => mapAnswer(client.get(key), toEngineSession),
  set: (client) => (key: string, session: Data, ttl: number) => client.set(key, fromEngine(session) as never, ttl),
  load: (client) => (key: string, options?: { ttl?: boolean }) => mapAnswer(client.load(key, options), toEngineRecord),
  create: (client) => (key: string, record: string, ttl: number) => client.create(key, bare(record), ttl),
  swap: (client) => (key: string, record: string, ttl: number, expected: unknown) =>
    mapAnswer(client.swap(key, bare(record), ttl, expected), (result) => toEngineRecord(result as SwapResult)),
  remove: (client) => (key: string) => mapAnswer(client.remove(key), toEngineText),
  take: (client) => (key: string, marker: string, ttl: number) =>
    mapAnswer(client.take(key, marker, ttl), toEngineText),
  mark: (client) => (key: string, length: number) => mapAnswer(client.mark(key, length), toEngineRecord),
};

/** Middleware that share a client must share its Proxy, to know of each other's writes. */
const known = new WeakMap<object, SessionStore>();

/**
 * Wraps a client so that its records hold only the session's data, although the engine stores the cookie's attributes
 * with it. Everything else passes through.
 *
 * @throws TypeError for a Store, which already prefixes keys.
 */
export function bareClient(client: SessionStore): SessionStore {
  if (typeof client !== 'object' || client === null) return client;
  if (client instanceof Store)
    throw new TypeError('Expected `store` to be the client itself, got a Store around it: pass its `client`');
  const bared = known.get(client) ?? proxyOf(client as Client);
  known.set(client, bared);
  return bared;
}

/** Behind an heir: a Proxy of the client itself may not replace the methods of a frozen one. */
function proxyOf(client: Client): SessionStore {
  return new Proxy(Object.create(client) as Client, {
    get(_heir, name) {
      const value: unknown = Reflect.get(client, name, client);
      if (typeof value !== 'function') return value;
      const converter = Object.hasOwn(CONVERTERS, name) ? CONVERTERS[name as string] : undefined;
      return converter === undefined ? value.bind(client) : converter(client);
    },
    set: (_heir, name, value) => Reflect.set(client, name, value, client),
  });
}

/** Converts an answer in the client's own style: a value, a promise, a thunk or a generator. */
function mapAnswer(answer: unknown, convert: (value: unknown) => unknown): unknown {
  if (typeof answer === 'function') {
    return (callback: (error: unknown, value?: unknown) => void) =>
      answer((error: unknown, value: unknown) => (error ? callback(error) : callback(null, convert(value))));
  }
  if (isPromise(answer)) return answer.then(convert);
  if (isGenerator(answer)) return mapGenerator(answer, convert);
  return convert(answer);
}

function* mapGenerator(answer: Generator<unknown, unknown, unknown>, convert: (value: unknown) => unknown) {
  return convert(yield* answer);
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

function isGenerator(answer: unknown): answer is Generator<unknown, unknown, unknown> {
  return Object.prototype.toString.call(answer) === '[object Generator]';
}

function toEngineSession(answer: unknown): unknown {
  return isData(answer) ? toEngine(answer) : answer;
}

function toEngineRecord(answer: unknown): unknown {
  const record = (answer as { record?: unknown } | null | undefined)?.record;
  const text = toEngineText(record);
  return text === record ? answer : { ...(answer as object), record: text };
}

/** Few sessions have a `cookie`, and only those need parsing. Keeps the mark at the end of a text. */
function toEngineText(record: unknown): unknown {
  if (typeof record !== 'string' || !record.includes('"cookie"')) return record;
  const data = parse(record);
  return isData(data) ? JSON.stringify(toEngine(data)) + record.slice(record.trimEnd().length) : record;
}

function bare(record: string): string {
  const data = parse(record);
  return isData(data) ? JSON.stringify(fromEngine(data)) : record;
}

/** Leaves anything but JSON to the engine. */
function parse(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return undefined;
  }
}

function isData(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
