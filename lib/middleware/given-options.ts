import { expected, hasMethod, isGiven } from '../base/expect';

/** Values mistaken for options, recognised by their properties, and what to do instead. */
const MISTAKES: readonly { names: readonly string[]; what: string; instead: string }[] = [
  {
    names: ['req', 'res'],
    what: 'a Koa context',
    instead: 'call `session()` once and pass the result to Koa, `app.use(session())`',
  },
  {
    names: ['use', 'createContext'],
    what: 'a Koa application',
    instead:
      'pass what `session()` returns to the application, `app.use(session())`, or pass the application as an option, `session({ app })`',
  },
  { names: ['then'], what: 'a promise', instead: '`await` it first' },
];

/**
 * @throws TypeError if the value cannot be the options of the middleware; the message says what to do instead if that
 *   is known.
 */
export function checkOptions(options: unknown): void {
  if (!isGiven(options)) return;
  if (typeof options !== 'object' || Array.isArray(options)) throw expected('options', 'an object', options);
  const mistake = MISTAKES.find(({ names }) => names.every((name) => name in options));
  if (mistake !== undefined) {
    throw new TypeError(`Expected \`options\` to be an object of options, got ${mistake.what}: ${mistake.instead}`);
  }
  // A configuration object may have `get` alone.
  if (!hasMethod(options, 'destroy') && !(hasMethod(options, 'get') && hasMethod(options, 'set'))) return;
  throw new TypeError('Expected `options` to be an object of options, got a store: pass it as `session({ store })`');
}
