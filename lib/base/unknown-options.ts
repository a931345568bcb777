import { closest, distance } from 'fastest-levenshtein';

/** The known options of something, for the warning about an unknown one. */
export interface KnownOptions {
  known: readonly string[];
  /** Text before the name that says what the option belongs to, as in `the option `. */
  whose?: string;
  /** Prefix of the name, as in `cookie.`. */
  path?: string;
  /** Advice on an option that is known elsewhere. */
  advice?(name: string): string | undefined;
}

/** Warns rather than throws: old configurations contain leftovers. */
export function warnOfUnknown(names: readonly string[], options: KnownOptions): void {
  const { known, whose = '', path = '', advice } = options;
  for (const name of names.filter((option) => !known.includes(option))) {
    const hint = advice?.(name) ?? question(path, nearestOf(name, known));
    process.emitWarning(`koa-evented-session does not know ${whose}\`${path}${name}\`${hint ? `; ${hint}` : ''}`, {
      code: 'KOA_EVENTED_SESSION_UNKNOWN_OPTION',
    });
  }
}

function question(path: string, nearest: string | undefined): string | undefined {
  return nearest && `did you mean \`${path}${nearest}\`?`;
}

/**
 * The known option that was probably meant: it differs in case, in two swapped letters, or in at most a third of its
 * letters.
 */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const lower = known.map((it) => it.toLowerCase());
  // The distance counts a swap as two mistakes, and two mistakes in five letters may make another word.
  const swapped = lower.findIndex((it) => isSwapped(given, it));
  if (swapped !== -1) return known[swapped];
  const nearest = closest(given, lower);
  return distance(given, nearest) <= given.length / 3 ? known[lower.indexOf(nearest)] : undefined;
}

/** Whether the words differ only by two swapped neighbouring letters. */
function isSwapped(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  const [at = -1, next, ...more] = [...one].flatMap((letter, index) => (letter === other[index] ? [] : [index]));
  return more.length === 0 && next === at + 1 && one[at] === other[next] && one[next] === other[at];
}
