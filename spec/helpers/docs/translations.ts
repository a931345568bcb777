import { posix } from 'node:path';
import { anchors, markdownIn, textOf } from './markdown';

/** The pages in Chinese, under the English pages that they follow. */
export const translations: ReadonlyMap<string, string> = new Map(
  markdownIn('docs/zh').map((page) => [page === 'docs/zh/README.md' ? 'README.md' : page.replace('/zh/', '/'), page]),
);

export interface Page {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
}

/** A heading, paragraph, list item, row of a table or block of code. */
interface Piece {
  readonly place: string;
  readonly kind: string;
  readonly text: string;
  readonly page: string;
}

export const pageAt = (path: string): Page => ({ path, text: textOf(path) });

/** Where a translation does not follow its page: one message for each place. After a piece too many or too few, the rest of its section is not compared. */
export function drift(english: Page, chinese: Page): string[] {
  const [sections, translated] = [sectionsOf(english), sectionsOf(chinese)];
  const outline = gap(
    sections.flatMap(([heading]) => heading ?? []),
    translated.flatMap(([heading]) => heading ?? []),
    chinese,
  );
  if (outline !== undefined) return [outline];
  return sections.flatMap((pieces, index) => {
    const others = translated[index] ?? [];
    const missing = gap(pieces, others, chinese);
    const same = pieces.slice(0, firstGap(pieces, others));
    const changed = same.flatMap((piece, at) => changesOf(piece, others[at] as Piece));
    return missing === undefined ? changed : [...changed, missing];
  });
}

/** What a page says outside of code and the targets of links, by place. */
export function proseOf(page: Page): { place: string; text: string }[] {
  const pieces = piecesOf(page).filter(({ kind }) => !kind.startsWith('code'));
  return pieces.map(({ place, text }) => ({ place, text: wordsOf(text) }));
}

const wordsOf = (text: string) => text.replace(/`[^`]+`/g, '').replace(/\]\([^)]+\)/g, ']');

/** Whether a text has a word. A part of a name such as `koa-session`, and a translation in brackets, do not count. */
export const uses = (word: string, text: string) =>
  /^\w+$/.test(word) ? new RegExp(`(?<![\\w-（])${word}(?![\\w-])`).test(text) : text.includes(word);

function firstGap(pieces: readonly Piece[], others: readonly Piece[]): number {
  const longest = Math.max(pieces.length, others.length);
  for (let at = 0; at < longest; at += 1) if (pieces[at]?.kind !== others[at]?.kind) return at;
  return longest;
}

/** The first piece without a counterpart of its kind. */
function gap(pieces: readonly Piece[], others: readonly Piece[], chinese: Page): string | undefined {
  const at = firstGap(pieces, others);
  const [piece, other] = [pieces[at], others[at]];
  if (piece === undefined) return other && `${other.place}: no counterpart in English: ${show(other)}`;
  const found = other ? `${other.place}: ${show(other)}` : `${others.at(-1)?.place ?? chinese.path}: nothing more`;
  return `${found}; ${piece.place} has ${show(piece)}`;
}

const show = ({ kind, text }: Piece) => `${kind} "${text.slice(0, 40).replace(/\n[\s\S]*/, '')}"`;

function changesOf(piece: Piece, other: Piece): string[] {
  const here = `${other.place} does not follow ${piece.place}`;
  if (piece.kind.startsWith('code')) {
    const [lines, others] = [withoutComments(piece.text), withoutComments(other.text)];
    const line = lines.findIndex((it, at) => it !== others[at]);
    const surplus = others[lines.length];
    if (line >= 0) return [`${here}: line ${line + 1} of the code must be "${lines[line]}"`];
    return surplus === undefined ? [] : [`${here}: the code must end before "${surplus}"`];
  }
  if (piece.kind.startsWith('heading') && !isChinese(other.text) && other.text !== piece.text) {
    return [`${here}: the heading must be translated, or be "${piece.text}"`];
  }
  const cells = cellsOf(piece).map((cell, at) => [cell, cellsOf(other)[at] ?? ''] as const);
  return cells.flatMap(([cell, translated], at) => {
    const where = cells.length > 1 ? `${here}, cell ${at + 1}` : here;
    if ((cell === '') !== (translated === '')) return [`${where}: "${translated}" for "${cell}"`];
    const expected = linksIn(cell, piece.page).map(counterpartOf);
    return [
      ...differences(where, namesIn(cell), namesIn(translated)),
      ...differences(where, expected, linksIn(translated, other.page)),
      // A number in words may be one in digits in Chinese.
      ...differences(where, numbersIn(cell), numbersIn(translated)).filter((it) => it.includes(': lacks ')),
    ];
  });
}

function differences(where: string, expected: readonly string[], found: readonly string[]): string[] {
  const lacks = expected.filter((it) => !found.includes(it)).map((it) => `${where}: lacks ${it}`);
  const extra = found.filter((it) => !expected.includes(it)).map((it) => `${where}: ${it} is not in English`);
  return [...lacks, ...extra];
}

const isChinese = (text: string) => /\p{Script=Han}/u.test(text);
const namesIn = (text: string) => [...new Set(text.match(/`[^`]+`/g))];

/** The numbers in the prose. `10 000` is one number, and the same as `10000`. */
function numbersIn(text: string): string[] {
  const numbers = wordsOf(text).match(/\d{1,3}(?: \d{3})+(?!\d)|\d+(?:\.\d+)*/g) ?? [];
  return [...new Set(numbers.map((number) => number.replaceAll(' ', '')))];
}

/** The targets of links, from the root of the project. */
function linksIn(text: string, page: string): string[] {
  return [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => {
    if (/^\w+:/.test(link)) return link;
    return link.startsWith('#') ? `${page}${link}` : posix.join(posix.dirname(page), link);
  });
}

/** Where the translation of a link leads: to the translated page and heading, if there is one. */
function counterpartOf(link: string): string {
  const [page = '', anchor] = link.split('#');
  for (const [english, chinese] of translations) if (page === chinese) return english;
  const chinese = translations.get(page);
  if (chinese === undefined) return link;
  return anchor === undefined ? chinese : `${chinese}#${anchors(chinese)[anchors(page).indexOf(anchor)]}`;
}

/** Comments may be translated; those that say what a program answers are no prose. */
function withoutComments(code: string): string[] {
  const lines = code.split('\n');
  return lines.map((line) => line.replace(/(^|\s)(\/\/|#) (?!(In another browser: )?(GET|POST) ).*/, '$1$2'));
}

function cellsOf({ kind, text }: Piece): string[] {
  if (!kind.startsWith('row')) return [text];
  const cells = text.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim());
}

/** The pieces of a page by section, each of which begins with its heading. */
function sectionsOf(page: Page): Piece[][] {
  const sections: Piece[][] = [];
  for (const piece of piecesOf(page)) {
    if (piece.kind.startsWith('heading') || sections.length === 0) sections.push([]);
    sections.at(-1)?.push(piece);
  }
  return sections;
}

const PIECE =
  /^```(?<language>.*)\n(?<code>[\s\S]*?)^```$|^(?<level>#+) (?<heading>.*)$|^(?<row>\|.*)$|^ *(?:-|\d+\.) (?<item>.*(?:\n +(?!-|\d+\. ).*)*)|^(?<paragraph>\S.*(?:\n(?!```|#+ |\||- |\d+\. ).+)*)/gm;

function piecesOf({ path, text }: Page): Piece[] {
  return [...text.matchAll(PIECE)].map(({ groups = {}, index }) => {
    const { language, code, level, heading, row, item, paragraph } = groups;
    const place = `${path}:${text.slice(0, index).split('\n').length}`;
    const piece = (kind: string, text = '') => ({ place, page: path, kind, text });
    if (code !== undefined) return piece(`code in ${language}`, code);
    if (level !== undefined) return piece(`heading of level ${level.length}`, heading);
    if (row !== undefined) return piece(`row of ${row.split(/(?<!\\)\|/).length - 2} cells`, row);
    return item !== undefined ? piece('list item', item) : piece('paragraph', paragraph);
  });
}
