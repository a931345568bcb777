// What entry points in compat/ stand on, beside what the package itself exports.
export { type CallbackSession, showOnRequests } from './callback-session';
export { ContextSession } from './context-session';
export { cookieValues, mayCarrySeveral, signedValues } from './cookie-header';
export type { CookieIdStore } from './cookie-id-store';
export { sessionLine } from './debug-lines';
export {
  SessionError,
  type SessionErrorCode,
  StoreError,
  type StoreOperation,
  StoreTimeoutError,
  StoreUnavailableError,
} from './errors';
export { expectBoolean, expected, expectFunction, expectMethods, expectString, isGiven } from './expect';
export { MemoryStore, type MemoryStoreOptions } from './memory-store';
export type { SessionContext, SessionMiddleware } from './middleware';
export { createSession } from './middleware';
export { resolveOptions } from './options';
export { isEmpty } from './record';
export { announceTakers, type Taker, takerOf, warnOfTaken } from './request-takers';
export { type RunningSession, sessionRunner } from './session-run';
export type { SessionSettings, SessionShape } from './session-settings';
export { addMaxAge, warnIfDropped } from './set-cookie';
export type { StoreEvents } from './store';
export { Store } from './store';
export type { StoreState } from './store-status';
export { WrappedConnection } from './stores/wrapped-connection';
export type * from './types';
