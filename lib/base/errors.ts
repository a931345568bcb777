/** Stable error codes. docs/errors.md has a section for each. */
export type SessionErrorCode =
  | 'ERR_SESSION_STORE'
  | 'ERR_SESSION_STORE_UNAVAILABLE'
  | 'ERR_SESSION_STORE_TIMEOUT'
  | 'ERR_SESSION_STORE_BUSY'
  | 'ERR_SESSION_OUTCOME_UNKNOWN'
  | 'ERR_SESSION_GONE'
  | 'ERR_SESSION_CONFLICT'
  | 'ERR_SESSION_KEYS'
  | 'ERR_SESSION_ID'
  | 'ERR_SESSION_COOKIE'
  | 'ERR_SESSION_HEADERS_SENT'
  | 'ERR_SESSION_TTL'
  | 'ERR_SESSION_VALUE'
  | 'ERR_SESSION_SERIALIZE'
  | 'ERR_SESSION_NESTED'
  | 'ERR_SESSION_SIZE'
  | 'ERR_SESSION_NOT_KEPT'
  | 'ERR_SESSION_DEFERRED'
  | 'ERR_SESSION_APP'
  | 'ERR_SESSION_LIMIT';

/** The store operation that failed. */
export type StoreOperation = 'get' | 'set' | 'touch' | 'destroy';

/** Base class of this package's errors. `message` is for people, `code` for programs. */
export class SessionError extends Error {
  /** The stable code. It never changes between releases. */
  readonly code: SessionErrorCode;
  /** The section of the documentation that says what to do. */
  readonly docs: string;

  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.docs = `docs/errors.md#${code.toLowerCase()}`;
  }

  static {
    // On the prototype, so that errors print as "StoreTimeoutError: …" without a `name` property.
    SessionError.prototype.name = 'SessionError';
  }
}

/** The store failed. `cause` is the client's error, and `message` repeats its message. */
export class StoreError extends SessionError {
  /** The operation that failed. */
  readonly operation: StoreOperation;

  constructor(
    operation: StoreOperation,
    message: string,
    options?: ErrorOptions,
    code: SessionErrorCode = 'ERR_SESSION_STORE',
  ) {
    super(code, message, options);
    this.operation = operation;
  }

  static {
    StoreError.prototype.name = 'StoreError';
  }
}

/**
 * The store lost its connection and did not come back in time, or it was closed. The message ends with the reason if
 * the client gave one; `cause` is the client's error.
 */
export class StoreUnavailableError extends StoreError {
  constructor(operation: StoreOperation, options?: ErrorOptions) {
    const reason = reasonOf(options?.cause);
    const message = `session store is unavailable${reason && ': '}${reason}`;
    super(operation, message, options, 'ERR_SESSION_STORE_UNAVAILABLE');
  }

  static {
    StoreUnavailableError.prototype.name = 'StoreUnavailableError';
  }
}

/**
 * The store did not answer in time. The message ends with the reason if the client reported one while the request
 * waited; `cause` is the client's error.
 */
export class StoreTimeoutError extends StoreError {
  constructor(operation: StoreOperation, ms: number, options?: ErrorOptions) {
    const reason = reasonOf(options?.cause);
    super(
      operation,
      ms > 1
        ? `session store gave no answer to "${operation}" within ${ms} ms${reason && ': '}${reason}`
        : `the request had no time left to wait for the session store to "${operation}"`,
      options,
      'ERR_SESSION_STORE_TIMEOUT',
    );
  }

  static {
    StoreTimeoutError.prototype.name = 'StoreTimeoutError';
  }
}

/** Maximum length of a reason in a message, in characters. */
const LONGEST_REASON = 200;

/** The error's text in one line, without credentials; `''` if it has none. */
function reasonOf(error: unknown): string {
  if (error === undefined || error === null) return '';
  const { message, errors, lastNodeError, code } = error as Record<string, unknown>;
  // For a host with several addresses, Node reports only one error for each address; ioredis' Cluster keeps the node's
  // error in `lastNodeError`.
  const each = Array.isArray(errors) ? errors : [lastNodeError];
  const parts = [message, ...new Set(each.map(reasonOf))].filter((part) => typeof part === 'string' && part !== '');
  const text = parts.join('; ') || (typeof code === 'string' ? code : typeof error === 'object' ? '' : String(error));
  return text
    .replace(/\s+/g, ' ')
    .replace(/\/\/\S*@/g, '//')
    .slice(0, LONGEST_REASON)
    .trim();
}
