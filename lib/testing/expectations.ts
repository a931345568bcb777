import { AssertionError } from 'node:assert';
import { inspect, isDeepStrictEqual, types } from 'node:util';

/** Fails a case with one line: what was expected, what came, and why it matters. */
export function fail(message: string, values: { actual?: unknown; expected?: unknown; cause?: unknown } = {}): never {
  const { cause, ...compared } = values;
  const error = new AssertionError({ message, operator: 'storeContract', stackStartFn: fail, ...compared });
  throw cause === undefined ? error : Object.assign(error, { cause });
}

/** Fails unless `holds`. */
export function expectThat(holds: boolean, what: string, got: unknown, why: string): asserts holds {
  if (!holds) fail(`Expected ${what}, got ${shown(got)}: ${why}`, { actual: got });
}

/** Fails unless `actual` equals `expected` as JSON. */
export function expectJson(what: string, actual: unknown, expected: unknown, why: string): void {
  if (isSameJson(actual, expected)) return;
  fail(`Expected ${what} to be ${shown(expected)}, got ${shown(actual)}: ${why}`, { actual, expected });
}

/** Fails unless `actual` is `null` or `undefined`. */
export function expectNothing(what: string, actual: unknown, why: string): void {
  expectThat(actual === null || actual === undefined, `${what} to be null or undefined`, actual, why);
}

/** Compares as JSON, which ignores realms and classes. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(asJson(a), asJson(b));
}

/** A value in one line, shortened if it is long. */
export function shown(value: unknown): string {
  if (types.isNativeError(value)) return `the error "${oneLine(value.message)}"`;
  return oneLine(inspect(value, { breakLength: Number.POSITIVE_INFINITY, maxStringLength: 100, depth: 4 }));
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

function asJson(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}
