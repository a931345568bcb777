import { styleText } from 'node:util';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Width in characters; longer texts are shown whole. The last column needs none. */
  readonly width: number;
  readonly align?: 'left' | 'right';
}

/** The line of titles. */
export function titles(columns: readonly Column[], hasColors: boolean): string {
  const text = row(
    columns,
    columns.map(({ title }) => title),
  );
  return hasColors ? styled('bold', text) : text;
}

/** The text in a colour, whatever Node thinks of this process' stdout. */
export function styled(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { validateStream: false });
}

/** A line of a table, without spaces at its end. */
export function row(columns: readonly Column[], values: readonly string[]): string {
  const cells = columns.map(({ width, align }, at) => {
    const text = printable(values[at] ?? '');
    return align === 'right' ? text.padStart(width) : text.padEnd(width);
  });
  return cells.join('  ').trimEnd();
}

/** The text without characters that could control a terminal: it may come from a session. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A number with spaces between thousands, as 12 345. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ' ');
}
