import { type CodeBlock, codeBlocks, textOf } from './markdown';

/**
 * What a page tells its reader to do: enter a line in a terminal, save a file, add to one, or change lines of an application.
 * docs/contributing.md says how pages write it.
 */
export type Step =
  | { readonly does: 'enter'; readonly line: string }
  | { readonly does: 'save' | 'add'; readonly file: string; readonly block: CodeBlock }
  | { readonly does: 'change'; readonly changes: readonly Change[]; readonly block: CodeBlock };

/** A line in which `now` takes the place of what contained `was`. */
export interface Change {
  readonly was: string;
  readonly now: string;
}

const fence = /^```.*\n[\s\S]*?^```$/gm;

/** The steps in sections of a page, or in front of its sections, in their order there. Throws if a file has no name. */
export function stepsOf(page: string, ...headings: readonly string[]): Step[] {
  return headings.length === 0 ? stepsIn(page) : headings.flatMap((heading) => stepsIn(page, heading));
}

/** The application that a page changes, as it was: one line requires another package. */
export function applicationBefore(block: CodeBlock): string {
  return block.code.replace(/require\('[^']+'\)(.*?) \/\/ was: (require\(.+\))$/m, '$2$1');
}

function stepsIn(page: string, heading?: string): Step[] {
  const text = textOf(page);
  const blocks = codeBlocks(page);
  // Lines that begin with # in a block are no headings.
  const prose = text.replace(fence, (block) => block.replace(/[^\n]/g, ' '));
  const start = heading === undefined ? 0 : prose.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`${page} has no section "${heading}"`);
  const next = prose.slice(start + 1).search(/\n##? /);
  const end = next < 0 ? text.length : start + 1 + next;

  const steps: Step[] = [];
  let from = start;
  [...text.matchAll(fence)].forEach(({ 0: source, index }, at) => {
    const block = blocks[at] as CodeBlock;
    if (index < start || index >= end) return;
    steps.push(...stepsOfBlock(block, text.slice(from, index)));
    from = index + source.length;
  });
  return steps;
}

function stepsOfBlock(block: CodeBlock, before: string): Step[] {
  if (block.language === 'sh') return block.code.split('\n').flatMap(stepOfLine);
  const changes = [...block.code.matchAll(/^(.+?) +\/\/ was: (.+)$/gm)];
  if (changes.length > 0) {
    return [{ does: 'change', changes: changes.map(([, now = '', was = '']) => ({ was, now })), block }];
  }
  const [, verb, file, line] = /(Save this as|Add this to) `([^`]+)`(?:,(?: and)? run `([^`]+)`)?/.exec(before) ?? [];
  if (file === undefined) throw new Error(`${block.place} does not say what to save this as`);
  return [{ does: verb === 'Add this to' ? 'add' : 'save', file, block }, ...stepOfLine(line ?? '')];
}

function stepOfLine(text: string): Step[] {
  const line = text.replace(/(^| )#.*$/, '').trim();
  return line === '' ? [] : [{ does: 'enter', line }];
}
