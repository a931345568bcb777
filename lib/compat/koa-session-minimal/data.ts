/** A session or a record, as JSON holds it. */
export type Data = Record<string, unknown>;

/** Where the engine keeps what an application has stored under `cookie`, which is the engine's own name. */
const KEPT = 'cookie of the application';

/** What the application has in a session, and what is stored of it: all but the cookie's attributes. */
export function fromEngine(session: object): Data {
  return renamed(session, (key) => (key === 'cookie' ? undefined : key === KEPT ? 'cookie' : key));
}

/** The same for the engine, to which `cookie` means the cookie's attributes. */
export function toEngine(data: object): Data {
  return renamed(data, (key) => (key === 'cookie' ? KEPT : key));
}

/** Entries, since assigning to a key named __proto__ would change the prototype instead. */
function renamed(data: object, nameOf: (key: string) => string | undefined): Data {
  const entries = Object.entries(data).map(([key, value]) => [nameOf(key), value] as const);
  return Object.fromEntries(entries.filter(([key]) => key !== undefined));
}
