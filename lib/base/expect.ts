import { types } from 'node:util';

/** The TypeError for a bad option, with the same wording everywhere. */
export function expected(name: string, expectation: string, got: unknown): TypeError {
  return new TypeError(`Expected \`${name}\` to be ${expectation}, got ${shown(got)}`);
}

/** `null` and `undefined` mean "not given" for every option. */
export function isGiven<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null;
}

/** @throws TypeError */
export function expectString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw expected(name, 'a string', value);
}

/** @throws TypeError */
export function expectBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw expected(name, '`true` or `false`', value);
}

/** @throws TypeError */
export function expectDate(name: string, value: unknown): asserts value is Date {
  // Unlike `instanceof`, also for a Date of another realm.
  if (!types.isDate(value) || Number.isNaN(value.getTime())) throw expected(name, 'a valid Date', value);
}

/** @throws TypeError */
export function expectFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw expected(name, 'a function', value);
}

/** @throws TypeError */
export function expectMilliseconds(name: string, value: unknown, least: 0 | 1): asserts value is number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= LONGEST_TIMER) return;
  throw expected(name, `a number of milliseconds from ${least} to ${LONGEST_TIMER}`, value);
}

/** @throws TypeError */
export function expectMethods(name: string, value: unknown, methods: readonly string[]): asserts value is object {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    throw expected(name, `an object with ${list(methods)}`, value);
  }
  const missing = methods.filter((method) => typeof (value as Record<string, unknown>)[method] !== 'function');
  if (missing.length === 0) return;
  const hint =
    typeof value === 'function' ? ' (a function was given: call it, or make an instance of it with `new`?)' : '';
  throw new TypeError(
    `Expected \`${name}\` to have the ${methods.length === 1 ? 'method' : 'methods'} ${list(methods)}, but ${list(missing)} ${missing.length === 1 ? 'is' : 'are'} missing${hint}`,
  );
}

/**
 * `why` ends the sentence and says what to do instead.
 *
 * @throws TypeError if one of the names is given, since it would be ignored.
 */
export function expectAbsent(options: object, names: readonly string[], why: string): void {
  const given = names.filter((name) => isGiven((options as Record<string, unknown>)[name]));
  if (given.length > 0) throw new TypeError(`Expected ${list(given)} not to be given ${why}`);
}

/** Whether a client has an ability. Checks with `in` first: a Proxy may return a function for any name. */
export function hasMethod(client: object, name: string): boolean {
  return name in client && typeof (client as Record<string, unknown>)[name] === 'function';
}

/** The longest delay that Node's timers support, in milliseconds; longer ones fire at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** A URL with credentials, which must not reach a log. */
const CREDENTIALS = /:\/\/[^/]*@/;

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** Describes a value for an error message. Never shows the contents of an object, which may be secret. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return `\`${value}\``;
  if (value instanceof Promise) return 'a promise';
  if (typeof value === 'string' && CREDENTIALS.test(value)) return 'a url with credentials';
  if (typeof value === 'object' || typeof value === 'function')
    return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
  return `\`${String(value)}\` (${typeof value})`;
}
