/**
 * The values of a row, in the order in which its columns were asked for. An application's `wrapIdentifier` and
 * `postProcessResponse` may give it other names.
 */
export function valuesOf(row: object): unknown[] {
  return Object.values(row);
}

/** The rows that a raw statement gives: PostgreSQL has them beside much else, and the drivers of MySQL before their columns. */
export function rowsOf(answer: unknown): object[] {
  if (!Array.isArray(answer)) return named(answer, 'rows') as object[];
  return Array.isArray(answer[0]) ? answer[0] : answer;
}

/** How many rows a raw statement has changed, in the words of MySQL. */
export function affectedBy(answer: unknown): number {
  return Number(named((answer as object[])[0], 'affectedrows'));
}

function named(answer: unknown, wanted: string): unknown {
  const isWanted = (name: string) => name.replace(/[^a-z]/gi, '').toLowerCase() === wanted;
  return Object.entries(answer as object).find(([name]) => isWanted(name))?.[1];
}
