/**
 * The values of a row, in the order of the selected columns. The application's `wrapIdentifier` and
 * `postProcessResponse` may rename columns.
 */
export function valuesOf(row: object): unknown[] {
  return Object.values(row);
}

/**
 * The rows of a raw statement's result: PostgreSQL nests them in a result object, the drivers of MySQL return them
 * before the columns.
 */
export function rowsOf(answer: unknown): object[] {
  if (!Array.isArray(answer)) return named(answer, 'rows') as object[];
  return Array.isArray(answer[0]) ? answer[0] : answer;
}

/** The number of rows that a raw statement has changed, on MySQL. */
export function affectedBy(answer: unknown): number {
  return Number(named((answer as object[])[0], 'affectedrows'));
}

function named(answer: unknown, wanted: string): unknown {
  const isWanted = (name: string) => name.replace(/[^a-z]/gi, '').toLowerCase() === wanted;
  return Object.entries(answer as object).find(([name]) => isWanted(name))?.[1];
}
