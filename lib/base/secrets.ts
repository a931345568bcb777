/** Shorter texts are words like others: an id of three characters is no secret. */
const SHORTEST_ID = 4;
const SHORTEST_VALUE = 3;
/** A shorter value counts only as a word by itself: "ann" is no part of "cannot". */
const SHORTEST_PART = 8;
const LEAST = 1000;
/** Values of a session that are looked for, at the most. */
const MOST_VALUES = 2000;

/** What stands for an id and for data: while a text is searched one character each, which no value is a part of. */
const SHOWN = { '\uE000': '[session id]', '\uE001': '[session data]' } as const;
const ID = '\uE000';
const DATA = '\uE001';

const NO_JSON = ' is not valid JSON';
/** What Node quotes of what is no text at all. */
const NO_TEXT = /"(?:undefined|\[object \w+\])"$/;
const UNEXPECTED = /Unexpected token .{1,4}? in JSON/gs;
/** An object or a list as JSON or as `util.inspect` prints it, to its end or to where it was cut off; escaped in a statement, too. */
const LITERAL = /\{\s*(?:\\*["'][^"'\\]{0,200}\\*["']|[\w$-]{1,200})\s*:.*(?:\}|$)|\[\s*\\*["'{].*(?:\]|$)/gs;
const NAME = /^[\w$-]*$/;
const WORDS = /[\p{L}\p{N}_]/u;

/** What no error may tell of one call of the store. Made when a call has failed, so that it may cost something. */
export class Secrets {
  readonly #ids: string[];
  readonly #values: string[];

  /**
   * @param keys the record's key, the session's id
   * @param content what was to be stored: an object, or its JSON
   */
  constructor(keys: readonly string[], content?: unknown) {
    const ids = keys.filter((key) => key.length >= SHORTEST_ID);
    this.#ids = longestFirst(ids.flatMap((id) => [id, encodeURIComponent(id), escaped(id)]));
    this.#values = longestFirst(valuesOf(content));
  }

  /** The text without them. */
  strip(text: string): string {
    // First what is longest, so that the rest is short.
    let rest = withoutQuoted(this.#withoutIds(text))
      .replace(UNEXPECTED, 'Unexpected token in JSON')
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

/** Node quotes the text that it cannot parse, or the part of it around the mistake. */
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

/** The values in a session that tell something, names that are none of a programmer's, and the whole as one text. */
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
  // The cookie holds attributes.
  const members = Object.entries(value).filter(([name]) => name !== 'cookie');
  return members.flatMap(([name, member]) => (NAME.test(name) ? [member] : [name, member]));
}

function isTelling(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= SHORTEST_VALUE;
  return (typeof value === 'number' || typeof value === 'bigint') && (value >= LEAST || value <= -LEAST);
}

/** As it stands in JSON. */
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
