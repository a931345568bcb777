import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { root } from '../programs/node-program';

export interface CodeBlock {
  /** Its place, as in `README.md:12`. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
  /** What its last lines promise, as in `// GET / → 200 hello`: such a block is a whole program. */
  readonly transcript: readonly Exchange[];
}

export interface Exchange {
  method: string;
  path: string;
  reply: string;
  /** Whether a new visitor asks, here and from here on. */
  isOther: boolean;
}

/** What a user reads, written by hand. */
export const pages = ['README.md', ...['docs', 'docs/recipes', 'docs/zh'].flatMap(markdownIn)];

/** What is written from the doc comments. */
export const referencePages = markdownIn('docs/api');

/** The pages of a folder, without those of its folders. */
export function markdownIn(folder: string): string[] {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
  return names.map((name) => `${folder}/${name}`);
}

export function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

export function codeBlocks(page: string): CodeBlock[] {
  const text = textOf(page);
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: code = '', index }) => ({
    place: `${page}:${text.slice(0, index).split('\n').length}`,
    language,
    code,
    transcript: [...code.matchAll(/^\/\/ (In another browser: )?(GET|POST) +(\S+) → (.+)$/gm)].map(
      ([, other, method = '', path = '', reply = '']) => ({ method, path, reply, isOther: other !== undefined }),
    ),
  }));
}

/** The headings of one level, or of all, in order. */
export function headings(page: string, level: number | '1,6' = '1,6'): string[] {
  const prose = textOf(page).replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(new RegExp(`^#{${level}} (.+)$`, 'gm'))].map(([, heading = '']) => heading);
}

/** Whether `target`, as in `docs/errors.md#err_session_keys`, names a page, and a heading if it says one. */
export function isThere(target: string): boolean {
  const [page = '', anchor] = target.split('#');
  if (anchor === undefined) return existsSync(join(root, page));
  return [...pages, ...referencePages].includes(page) && anchors(page).includes(anchor);
}

/** The pages and headings that a page links to, from the root of the project. */
export function linksOf(page: string): string[] {
  return [...textOf(page).matchAll(/\]\((?!\w+:)([^)]+)\)/g)].map(([, link = '']) =>
    link.startsWith('#') ? `${page}${link}` : posix.join(posix.dirname(page), link),
  );
}

/** The anchors of a page's headings on code hosts, which number those that look alike. */
export function anchors(page: string): string[] {
  const slugs = headings(page).map(slug);
  return slugs.map((anchor, index) => {
    const earlier = slugs.slice(0, index).filter((it) => it === anchor).length;
    return earlier === 0 ? anchor : `${anchor}-${earlier}`;
  });
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');
}
