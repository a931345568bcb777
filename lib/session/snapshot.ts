import { SessionCookie } from '../cookies/session-cookie';

/**
 * The contents of a session's object when it was read: the object, its keys and values, and those of nested objects.
 */
export type Snapshot = readonly unknown[];

/** Marks the end of an object; no key has this value. */
const END = undefined;
const CHANGED = -1;
/** Equals nothing, not even itself. */
const NEVER = Number.NaN;

/** Typical number of JSON characters per key or value, for sizing the array: growing it would create garbage. */
const CHARACTERS = 4;

/**
 * Records the contents of a session that was parsed from `record`. Comparing values at the end of the request is
 * cheaper than comparing texts. It holds a reference to each key and value until then.
 */
export function snapshotOf(session: object, record: string): Snapshot {
  // Inherited enumerable keys cannot be distinguished from own ones.
  for (const _ in Object.prototype) return [NEVER];
  const seen: unknown[] = new Array(Math.ceil(record.length / CHARACTERS));
  note(session, seen, 0);
  return seen;
}

/** Whether a session's text is certainly unchanged: the same objects with the same contents. */
export function isUnchanged(session: object, snapshot: Snapshot): boolean {
  try {
    return endOf(session, snapshot, 0) !== CHANGED;
  } catch {
    // A getter of the application threw; creating the text reports the error.
    return false;
  }
}

/** Records an object at `start` and returns the end position. */
function note(value: object, seen: unknown[], start: number): number {
  seen[start] = value;
  let at = start + 1;
  if (Array.isArray(value)) {
    seen[at++] = value.length;
    // By index: array iterators are much slower.
    for (let n = 0; n < value.length; n += 1) at = noteMember(value[n], seen, at);
  } else if (isPlain(value)) {
    for (const key in value) {
      seen[at] = key;
      at = noteMember(value[key], seen, at + 1);
    }
    seen[at++] = END;
  } else if (!(value instanceof SessionCookie)) seen[at++] = NEVER;
  return at;
}

function noteMember(value: unknown, seen: unknown[], at: number): number {
  if (isObject(value)) return note(value, seen, at);
  seen[at] = value;
  return at + 1;
}

/** The end position of the object recorded at `at`, or `CHANGED`. */
function endOf(value: object, seen: Snapshot, at: number): number {
  if (seen[at] !== value) return CHANGED;
  if (Array.isArray(value)) return endOfItems(value, seen, at + 1);
  if (isPlain(value)) return endOfKeys(value, seen, at + 1);
  return value instanceof SessionCookie && !value.changed ? at + 1 : CHANGED;
}

function endOfItems(items: unknown[], seen: Snapshot, start: number): number {
  if (seen[start] !== items.length || writesItself(items)) return CHANGED;
  let at = start + 1;
  for (let n = 0; n < items.length && at !== CHANGED; n += 1) at = endOfMember(items[n], seen, at);
  return at;
}

function endOfKeys(value: Record<string, unknown>, seen: Snapshot, start: number): number {
  let at = start;
  for (const key in value) {
    if (seen[at] !== key) return CHANGED;
    at = endOfMember(value[key], seen, at + 1);
    if (at === CHANGED) return CHANGED;
  }
  return seen[at] === END ? at + 1 : CHANGED;
}

function endOfMember(value: unknown, seen: Snapshot, at: number): number {
  if (isObject(value)) return endOf(value, seen, at);
  return seen[at] === value ? at + 1 : CHANGED;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether JSON writes exactly the object's own keys and values. */
function isPlain(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype && !writesItself(value);
}

function writesItself(value: object & { toJSON?: unknown }): boolean {
  return value.toJSON !== undefined;
}
