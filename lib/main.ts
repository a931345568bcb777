import * as engine from './middleware/engine';

/**
 * Creates the session middleware: `app.use(session({ store: redisStore() }))`.
 *
 * @throws TypeError if an option is invalid.
 */
function session<User = unknown>(options?: engine.SessionOptions<User> | null): engine.SessionMiddleware<User> {
  return engine.createSession(options);
}

/** What `require('koa-evented-session')` exports besides the function itself. */
namespace session {
  export import Store = engine.Store;
  export import MemoryStore = engine.MemoryStore;
  export import SessionError = engine.SessionError;
  export import StoreError = engine.StoreError;
  export import StoreUnavailableError = engine.StoreUnavailableError;
  export import StoreTimeoutError = engine.StoreTimeoutError;
}

/** Types. They alias the engine's, so that augmenting `Session` here augments the type of `ctx.session`. */
declare namespace session {
  export { session as default };
  export import Session = engine.Session;
  export import SessionTypes = engine.SessionTypes;
  export import Application = engine.Application;
  export import SessionOptions = engine.SessionOptions;
  export import MaxPerUser = engine.MaxPerUser;
  export import RenewId = engine.RenewId;
  export import StoreOptions = engine.StoreOptions;
  export import SessionStore = engine.SessionStore;
  export import TouchableStore = engine.TouchableStore;
  export import TokenStore = engine.TokenStore;
  export import SessionInToken = engine.SessionInToken;
  export import CompareAndSetStore = engine.CompareAndSetStore;
  export import EndingStore = engine.EndingStore;
  export import IndexingStore = engine.IndexingStore;
  export import IndexMember = engine.IndexMember;
  export import EnumerableStore = engine.EnumerableStore;
  export import StoreAbility = engine.StoreAbility;
  export import BroadcastingStore = engine.BroadcastingStore;
  export import PeekingStore = engine.PeekingStore;
  export import SessionWatch = engine.SessionWatch;
  export import StoreOfKind = engine.StoreOfKind;
  export import KeysFound = engine.KeysFound;
  export import StoredRecord = engine.StoredRecord;
  export import SwapResult = engine.SwapResult;
  export import Answer = engine.Answer;
  export import SessionIdStore = engine.SessionIdStore;
  export type SessionIds = engine.SessionIds;
  export import MovingToHashedIds = engine.MovingToHashedIds;
  export import MovingToPlainIds = engine.MovingToPlainIds;
  export import CookieOptions = engine.CookieOptions;
  export import SessionHandler = engine.SessionHandler;
  export import SessionStatus = engine.SessionStatus;
  export type SessionContext = engine.SessionContext;
  export import SessionMiddleware = engine.SessionMiddleware;
  export type UserSessions = engine.UserSessions;
  export type UserSession = engine.UserSession;
  export type StoredSession = engine.StoredSession;
  export type WalkOptions = engine.WalkOptions;
  export type CountOptions = engine.CountOptions;
  export type ClearOptions = engine.ClearOptions;
  export type ClearProgress = engine.ClearProgress;
  export type IndexOptions = engine.IndexOptions;
  export type IndexProgress = engine.IndexProgress;
  export type IndexedSessions = engine.IndexedSessions;
  export import SessionEvent = engine.SessionEvent;
  export import SessionEndedEvent = engine.SessionEndedEvent;
  export type EndReason = engine.EndReason;
  export type SessionMessage = engine.SessionMessage;
  export type StoreCall = engine.StoreCall;
  export type StoreMethod = engine.StoreMethod;
  export type StoreOutcome = engine.StoreOutcome;
  export type MemoryStoreOptions = engine.MemoryStoreOptions;
  export type SessionErrorCode = engine.SessionErrorCode;
  export type StoreOperation = engine.StoreOperation;
  export type StoreEvents = engine.StoreEvents;
  export type StoreState = engine.StoreState;
  export import ContextSessionValue = engine.ContextSessionValue;
  export import ErrorType = engine.ErrorType;
  export import Guarantee = engine.Guarantee;
  export import OnConflict = engine.OnConflict;
  export import Ttl = engine.Ttl;
}

// Node finds the named exports for ES modules by scanning this file.
module.exports.Store = engine.Store;
module.exports.MemoryStore = engine.MemoryStore;
module.exports.SessionError = engine.SessionError;
module.exports.StoreError = engine.StoreError;
module.exports.StoreUnavailableError = engine.StoreUnavailableError;
module.exports.StoreTimeoutError = engine.StoreTimeoutError;

// For ES modules compiled to CommonJS.
Object.defineProperty(session, 'default', { value: session, enumerable: true });

export = session;
