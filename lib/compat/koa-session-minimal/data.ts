/** A session or a record, as JSON holds it. */
export type Data = Record<string, unknown>;

/** The engine stores an application's `cookie` under this key, since `cookie` is the engine's own. */
const KEPT = 'cookie of the application';

/** The data as handlers and the client see it: without the cookie's attributes. */
export function fromEngine(session: object): Data {
  return renamed(session, (key) => (key === 'cookie' ? undefined : key === KEPT ? 'cookie' : key));
}

/** The data as the engine sees it, for which `cookie` holds the cookie's attributes. */
export function toEngine(data: object): Data {
  return renamed(data, (key) => (key === 'cookie' ? KEPT : key));
}

/** From entries, since assigning to a key named __proto__ would change the prototype. */
function renamed(data: object, nameOf: (key: string) => string | undefined): Data {
  const entries = Object.entries(data).map(([key, value]) => [nameOf(key), value] as const);
  return Object.fromEntries(entries.filter(([key]) => key !== undefined));
}
