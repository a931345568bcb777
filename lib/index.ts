export {
  SessionError,
  type SessionErrorCode,
  StoreError,
  type StoreOperation,
  StoreTimeoutError,
  StoreUnavailableError,
} from './errors';
export { MemoryStore, type MemoryStoreOptions } from './memory-store';
export type { SessionContext, SessionMiddleware } from './middleware';
export { createSession } from './middleware';
export type { StoreEvents } from './store';
export { Store } from './store';
export type { StoreState } from './store-status';
export type * from './types';
