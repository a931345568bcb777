/** Shorter texts are ordinary words: an id of three characters is not secret. */
const SHORTEST_ID = 4;
const SHORTEST_VALUE = 3;
/** Shorter values match whole words only: "ann" must not match within "cannot". */
const SHORTEST_PART = 8;
const LEAST = 1000;
/** Maximum number of a session's values to search for. */
const MOST_VALUES = 2000;

/** Replacements for ids and data. During the search, each is one character that cannot be part of a value. */
const SHOWN = { '\uE000': '[session id]', '\uE001': '[session data]' } as const;
const ID = '\uE000';
const DATA = '\uE001';

const NO_JSON = ' is not valid JSON';
/** How Node's message ends if the value was not a string. */
const NO_TEXT = /"(?:undefined|\[object \w+\])"$/;
const UNEXPECTED = /Unexpected token .{1,4}? in JSON/gs;
/**
 * An object or array as JSON or `util.inspect` prints it, up to its end or where it was cut off; also escaped, as in an
 * SQL statement.
 */
const LITERAL = /\{\s*(?:\\*["'][^"'\\]{0,200}\\*["']|[\w$-]{1,200})\s*:.*(?:\}|$)|\[\s*\\*["'{].*(?:\]|$)/gs;
/** The text of a sealed record. */
const SEALED = /\bsealed\.\d+\.[\w-]+\.[\w-]*/g;
const NAME = /^[\w$-]*$/;
const WORDS = /[\p{L}\p{N}_]/u;

/** What an error of one store call must not reveal. Created only after a call has failed, so it may be slow. */
export class Secrets {
  readonly #ids: string[];
  readonly #values: string[];

  /**
   * @param keys the record's key and the session's id
   * @param content the session that the call should store: an object, or its JSON
   */
  constructor(keys: readonly string[], content?: unknown) {
    const ids = keys.filter((key) => key.length >= SHORTEST_ID);
    this.#ids = longestFirst(ids.flatMap((id) => [id, encodeURIComponent(id), escaped(id)]));
    this.#values = longestFirst(valuesOf(content));
  }

  /** Returns the text without the secrets. */
  strip(text: string): string {
    // Longest first, so that the rest is short.
    let rest = withoutQuoted(this.#withoutIds(text))
      .replace(UNEXPECTED, 'Unexpected token in JSON')
      .replace(SEALED, DATA)
      .replace(LITERAL, DATA);
    for (const value of this.#values) {
      if (value.length >= SHORTEST_PART) rest = rest.replaceAll(value, DATA);
      else if (rest.includes(value)) rest = withoutWord(rest, value);
    }
    return shown(rest);
  }

  #withoutIds(text: string): string {
    return this.#ids.reduce((rest, id) => rest.replaceAll(id, ID), text);
  }
}

function shown(text: string): string {
  return text.replace(/[\uE000\uE001]/g, (mark) => SHOWN[mark as keyof typeof SHOWN]);
}

/** Node quotes the text that it cannot parse, or the part around the mistake. */
function withoutQuoted(text: string): string {
  const end = text.lastIndexOf(NO_JSON);
  const before = text.slice(0, Math.max(0, end));
  if (end < 0 || NO_TEXT.test(before)) return text;
  const token = before.indexOf('Unexpected token ');
  const start = token < 0 ? before.indexOf('"') : token;
  return start < 0 ? text : `${before.slice(0, start)}${DATA}${text.slice(end)}`;
}

function longestFirst(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort((a, b) => b.length - a.length);
}

function withoutWord(text: string, word: string): string {
  const isPart = (character: string | undefined) => character !== undefined && WORDS.test(character);
  let rest = text;
  let stripped = '';
  for (let at = rest.indexOf(word); at >= 0; at = rest.indexOf(word)) {
    const before = rest[at - 1] ?? stripped.at(-1);
    const isWhole = !isPart(before) && !isPart(rest[at + word.length]);
    stripped += rest.slice(0, at) + (isWhole ? DATA : word);
    rest = rest.slice(at + word.length);
  }
  return stripped + rest;
}

/**
 * The session's values that reveal something, its keys that are not ordinary property names, and the whole as one text.
 */
function valuesOf(content: unknown): Set<string> {
  const values = new Set<string>();
  const left: unknown[] = typeof content === 'string' ? [content, parsedJson(content)] : [content];
  while (left.length > 0 && values.size < MOST_VALUES) {
    const value = left.pop();
    if (typeof value === 'object' && value !== null) left.push(...membersOf(value));
    else if (isTelling(value)) values.add(String(value)).add(escaped(String(value)));
  }
  return values;
}

function membersOf(value: object): unknown[] {
  if (Array.isArray(value)) return value;
  // The cookie holds only attributes.
  const members = Object.entries(value).filter(([name]) => name !== 'cookie');
  return members.flatMap(([name, member]) => (NAME.test(name) ? [member] : [name, member]));
}

function isTelling(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= SHORTEST_VALUE;
  return (typeof value === 'number' || typeof value === 'bigint') && (value >= LEAST || value <= -LEAST);
}

/** The text as JSON escapes it. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
