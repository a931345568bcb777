import { parseRecord } from './record';

/** The top-level members of a record: key and JSON text of the value. */
export type Members = Map<string, string>;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/**
 * Finds the members of a record without parsing their values.
 *
 * @param known members that the record probably still has; comparing them is much faster than scanning
 */
export function membersOf(record: string, known?: Members): Members {
  return scanned(record, known) ?? parsedMembers(record);
}

/** The members in the layout of JSON.stringify, whatever layout the record has; empty if it is not an object. */
export function parsedMembers(record: string): Members {
  // A Map, since assigning to a key named __proto__ would change the prototype.
  return new Map(Object.entries(parseRecord(record) ?? {}).map(([key, value]) => [key, JSON.stringify(value)]));
}

/** The text of the record. */
export function recordOf(members: Members): string {
  const texts: string[] = [];
  for (const [key, text] of members) texts.push(`${JSON.stringify(key)}:${text}`);
  return `{${texts.join(',')}}`;
}

/** Returns `undefined` if the text is not laid out as JSON.stringify does it. */
function scanned(record: string, known: Members | undefined): Members | undefined {
  const members: Members = new Map();
  if (record.charCodeAt(0) !== OPEN_OBJECT) return undefined;
  for (let at = 1; record.charCodeAt(at) === QUOTE; at += 1) {
    const keyEnd = endOfString(record, at);
    const key = keyBetween(record, at, keyEnd);
    if (key === undefined) return undefined;
    const start = keyEnd + 1;
    const same = known?.get(key);
    const isSame = same !== undefined && hasMember(record, same, start);
    at = isSame ? start + same.length : endOfValue(record, start);
    members.set(key, isSame ? same : record.slice(start, at));
    if (at === record.length - 1 && record.charCodeAt(at) === CLOSE_OBJECT) return members;
    if (record.charCodeAt(at) !== COMMA) return undefined;
  }
  return record === '{}' ? members : undefined;
}

/** Returns `undefined` if the text is not a key. */
function keyBetween(record: string, start: number, end: number): string | undefined {
  if (record.charCodeAt(end) !== COLON) return undefined;
  const literal = record.slice(start, end);
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal);
  } catch {
    return undefined;
  }
}

/** Whether the value at `start` is exactly this text. */
function hasMember(record: string, text: string, start: number): boolean {
  if (!record.startsWith(text, start)) return false;
  const code = record.charCodeAt(start + text.length);
  return code === COMMA || code === CLOSE_OBJECT;
}

/** The position after the string that begins at `at`; past the end of the text if the string is not terminated. */
function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (depth === 0 && (code === COMMA || code === CLOSE_OBJECT)) return at;
    if (code === OPEN_OBJECT || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth -= 1;
    at = code === QUOTE ? endOfString(text, at) : at + 1;
  }
  return at;
}
