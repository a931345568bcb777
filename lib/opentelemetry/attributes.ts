import type { StoreCall } from '../client/tracing';
import type { Attributes } from './api';

/** Names of the semantic conventions for databases. */
const SYSTEM = 'db.system.name';
const OPERATION = 'db.operation.name';
const COLLECTION = 'db.collection.name';
const ERROR = 'error.type';
/** Names of this package. */
export const PREFIX = 'koa.session.prefix';
export const REASON = 'koa.session.end.reason';
const STORE = 'koa.session.store';
const OUTCOME = 'koa.session.outcome';
const ATTEMPTS = 'koa.session.attempts';
const SIZE = 'koa.session.record.size';
const WAIT = 'koa.session.wait.duration';

/** What is known of a call when it begins. */
export function attributesOf({ method, prefix, store }: StoreCall): Attributes {
  return { [SYSTEM]: systemOf(store), [OPERATION]: method, [COLLECTION]: prefix };
}

/** The same with the type of the error, for metrics: few different values. */
export function measuredOf(call: StoreCall): Attributes {
  const attributes = attributesOf(call);
  return call.error === undefined ? attributes : { ...attributes, [ERROR]: call.error.code };
}

/** What is known of a call once it has ended. */
export function attributesAtEnd({ attempts, bytes, error, outcome, store, waited }: StoreCall): Attributes {
  const attributes: Attributes = { [STORE]: store, [ATTEMPTS]: attempts };
  if (outcome !== undefined) attributes[OUTCOME] = outcome;
  if (bytes !== undefined) attributes[SIZE] = bytes;
  if (waited > 0) attributes[WAIT] = waited / 1000;
  if (error !== undefined) attributes[ERROR] = error.code;
  return attributes;
}

/** The system behind a kind of store: `sqlite` behind `sealed:knex:sqlite3`. */
function systemOf(store: string): string {
  const system = store.slice(store.lastIndexOf(':') + 1);
  return system === 'sqlite3' ? 'sqlite' : system;
}
