import { closest, distance } from 'fastest-levenshtein';

/** The options of something, for whoever is told that another one is none of them. */
export interface KnownOptions {
  known: readonly string[];
  /** Whose options they are, as in `the option `. */
  whose?: string;
  /** What stands before a name, as in `cookie.`. */
  path?: string;
  /** What to do about an option that is known elsewhere. */
  advice?(name: string): string | undefined;
}

/** A warning and no error: old configurations carry leftovers. */
export function warnOfUnknown(names: readonly string[], options: KnownOptions): void {
  const { known, whose = '', path = '', advice } = options;
  for (const name of names.filter((option) => !known.includes(option))) {
    const nearest = nearestOf(name, known);
    const hint = advice?.(name) ?? (nearest && `did you mean \`${path}${nearest}\`?`);
    process.emitWarning(`koa-evented-session does not know ${whose}\`${path}${name}\`${hint ? `; ${hint}` : ''}`, {
      code: 'KOA_EVENTED_SESSION_UNKNOWN_OPTION',
    });
  }
}

/** The option that was meant, where it differs in case, in two letters that have changed places, or in no more than every third letter. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const lower = known.map((it) => it.toLowerCase());
  // For the distance a swap is two mistakes, and two in five letters may be another word.
  const swapped = lower.findIndex((it) => isSwapped(given, it));
  if (swapped !== -1) return known[swapped];
  const nearest = closest(given, lower);
  return distance(given, nearest) <= given.length / 3 ? known[lower.indexOf(nearest)] : undefined;
}

/** Whether one is the other with two neighbouring letters swapped. */
function isSwapped(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  const [at = -1, next, ...more] = [...one].flatMap((letter, index) => (letter === other[index] ? [] : [index]));
  return more.length === 0 && next === at + 1 && one[at] === other[next] && one[next] === other[at];
}
