// What the entry points in compat/ use, in addition to what the package exports.

export { REFUSED, sessionLine } from '../base/debug-lines';
export {
  SessionError,
  type SessionErrorCode,
  StoreError,
  type StoreOperation,
  StoreTimeoutError,
  StoreUnavailableError,
} from '../base/errors';
export { expectBoolean, expected, expectFunction, expectMethods, expectString, isGiven } from '../base/expect';
export { type SessionMessage, tellOfSession } from '../base/session-channel';
export type * from '../base/types';
export { warnOfUnknown } from '../base/unknown-options';
export type { StoreState } from '../client/status';
export type { StoreCall, StoreMethod, StoreOutcome } from '../client/tracing';
export { WrappedConnection } from '../client/wrapped-connection';
export { cookieValues, mayCarrySeveral, signedValues } from '../cookies/header';
export type { FullIdStore } from '../cookies/id-store';
export { cookiesOf } from '../cookies/koa-cookies';
export { addMaxAge, warnIfDropped } from '../cookies/set-cookie';
export type { StoreEvents } from '../persistence/store';
export { Store } from '../persistence/store';
export type {
  ClearOptions,
  ClearProgress,
  CountOptions,
  StoredSession,
  WalkOptions,
} from '../persistence/walk-options';
export { isEmpty } from '../record/record';
export { ContextSession } from '../session/context-session';
export type { SessionCodec, SessionSettings } from '../session/settings';
export { MemoryStore, type MemoryStoreOptions } from '../stores/memory';
export type { IndexedSessions, IndexOptions, IndexProgress } from '../users/indexing';
export type { UserSession, UserSessions } from '../users/sessions';
export { type CallbackSession, showOnRequests } from './callback-session';
export type * from './middleware';
export { createSession } from './middleware';
export { resolveOptions } from './options';
export { announceTakers, type Taker, takerOf, warnOfTaken } from './request-takers';
export { type RunningSession, sessionRunner } from './runner';
