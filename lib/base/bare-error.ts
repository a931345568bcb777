import { types } from 'node:util';
import type { Secrets } from './secrets';

/** Properties of drivers' errors that describe the failure and hold no argument of a command. */
const TELLING: readonly PropertyKey[] = [
  'name',
  'code',
  'errno',
  'syscall',
  'address',
  'port',
  'hostname',
  'sqlState',
  'severity',
  'fatal',
  'status',
  'statusCode',
  'codeName',
  'operation',
  'docs',
];
/** Limits for nested errors: how deep, and how many of a list. */
const DEEPEST = 4;
const MOST = 10;

/**
 * Returns an error that may be shown: no text of the session that `secrets` knows, neither in the message, the stack
 * nor nested errors, and no property that may hold a command and its arguments. Returns the error itself if there is
 * nothing to remove.
 */
export function bareError(error: unknown, secrets: Secrets): unknown {
  return bare(error, secrets, DEEPEST);
}

function bare(error: unknown, secrets: Secrets, depth: number): unknown {
  if (typeof error === 'string') return secrets.strip(error);
  if (!isObject(error)) return error;
  const text = messageOf(error);
  const stack = read(error, 'stack');
  const shown: Shown = {
    message: secrets.strip(text),
    stack: typeof stack === 'string' ? stackOf(stack, secrets) : undefined,
    properties: new Map(),
  };
  const hidesNothing = show(error, shown.properties, secrets, depth);
  const isClean = hidesNothing && shown.message === text && shown.stack === stack;
  return isClean && isError(error) && !printsItself(error) ? error : copyOf(error, shown);
}

interface Shown {
  message: string;
  stack: string | undefined;
  properties: Map<PropertyKey, unknown>;
}

/** Collects the properties that may be shown; returns whether that is all of them, unchanged. */
function show(error: object, shown: Map<PropertyKey, unknown>, secrets: Secrets, depth: number): boolean {
  let isAll = true;
  for (const name of Reflect.ownKeys(error)) {
    if (name === 'message' || name === 'stack') continue;
    const value = read(error, name);
    const bared = typeof name === 'string' && secrets.strip(name) === name ? shownOf(name, value, secrets, depth) : OUT;
    if (bared !== OUT) shown.set(name, bared);
    if (bared !== value) isAll = false;
  }
  return isAll;
}

/** Marks a value to leave out. */
const OUT = Symbol('left out');

function shownOf(name: string, value: unknown, secrets: Secrets, depth: number): unknown {
  if (TELLING.includes(name)) {
    if (typeof value === 'string') return secrets.strip(value);
    return isObject(value) ? OUT : value;
  }
  if (Array.isArray(value)) return value.some(isError) ? errorsOf(value, secrets, depth) : OUT;
  if (name !== 'cause' && !isError(value)) return OUT;
  return depth === 1 && isObject(value) ? OUT : bare(value, secrets, depth - 1);
}

function errorsOf(list: unknown[], secrets: Secrets, depth: number): unknown[] {
  const errors = depth === 1 ? [] : list.filter(isError).slice(0, MOST);
  const shown = errors.map((error) => bare(error, secrets, depth - 1));
  const isSame = shown.length === Object.keys(list).length && shown.every((error, n) => error === list[n]);
  return isSame ? list : shown;
}

function copyOf(error: object, { message, stack, properties }: Shown): Error {
  const copy = new Error(message);
  Object.setPrototypeOf(copy, prototypeOf(error));
  Object.defineProperty(copy, 'stack', { value: stack ?? `Error: ${message}`, writable: true, configurable: true });
  for (const [name, value] of properties) {
    const enumerable = Object.prototype.propertyIsEnumerable.call(error, name);
    Object.defineProperty(copy, name, { value, enumerable, writable: true, configurable: true });
  }
  return copy;
}

/** The class for `instanceof`, or its nearest ancestor that does not print itself. */
function prototypeOf(error: object): object {
  if (!(error instanceof Error)) return Error.prototype;
  let prototype = Object.getPrototypeOf(error) as object;
  while (printsItself(prototype) || types.isNativeError(prototype))
    prototype = Object.getPrototypeOf(prototype) as object;
  return prototype;
}

const PLACE = /^\s+at /m;
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Whether it chooses its own output, rather than its properties, which are checked. */
function printsItself(value: object): boolean {
  return 'toJSON' in value || INSPECT in value;
}

/** Keeps only the lines that say where: a driver may put its statement into the stack too. */
function stackOf(stack: string, secrets: Secrets): string {
  const at = stack.search(PLACE);
  if (at < 0) return secrets.strip(stack);
  const lines = stack.slice(at).split('\n');
  const places = lines.filter((line) => PLACE.test(line)).map((line) => secrets.strip(line));
  return secrets.strip(stack.slice(0, at)) + places.join('\n');
}

function messageOf(error: object): string {
  const message = read(error, 'message');
  if (typeof message === 'string') return message;
  return isError(error) || message === undefined ? '' : String(message);
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isError(value: unknown): value is object {
  return types.isNativeError(value) || value instanceof Error;
}

function read(value: object, name: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[name];
  } catch {
    return undefined; // the client's getter threw
  }
}
