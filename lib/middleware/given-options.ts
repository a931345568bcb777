import { expected, hasMethod, isGiven } from '../base/expect';

/** Values mistaken for options, recognised by their properties, and what to do instead. */
const MISTAKES: readonly { names: readonly string[]; what: string; instead: string }[] = [
  {
    names: ['req', 'res'],
    what: 'a Koa context',
    instead: 'call `session()` once and give Koa what it returns, `app.use(session())`',
  },
  {
    names: ['use', 'createContext'],
    what: 'a Koa application',
    instead:
      'give the application what `session()` returns, `app.use(session())`, or itself as an option, `session({ app })`',
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
  throw new TypeError('Expected `options` to be an object of options, got a store: give it as `session({ store })`');
}
