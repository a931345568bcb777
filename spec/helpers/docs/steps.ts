import { type CodeBlock, codeBlocks, textOf } from './markdown';

/** What a page tells its reader to do: enter a line in a terminal, or save a file. docs/contributing.md says how pages write it. */
export type Step =
  | { readonly does: 'enter'; readonly line: string }
  | { readonly does: 'save'; readonly file: string; readonly block: CodeBlock };

const fence = /^```.*\n[\s\S]*?^```$/gm;

/** The steps in sections of a page, in their order there. Throws if a file has no name. */
export function stepsOf(page: string, ...headings: readonly string[]): Step[] {
  return headings.flatMap((heading) => stepsIn(page, heading));
}

function stepsIn(page: string, heading: string): Step[] {
  const text = textOf(page);
  const blocks = codeBlocks(page);
  // Lines that begin with # in a block are no headings.
  const prose = text.replace(fence, (block) => block.replace(/[^\n]/g, ' '));
  const start = prose.indexOf(`\n## ${heading}\n`);
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
  const [, file, line] = /Save this as `([^`]+)`(?:,(?: and)? run `([^`]+)`)?/.exec(before) ?? [];
  if (file === undefined) throw new Error(`${block.place} does not say what to save this as`);
  return [{ does: 'save', file, block }, ...stepOfLine(line ?? '')];
}

function stepOfLine(text: string): Step[] {
  const line = text.replace(/(^| )#.*$/, '').trim();
  return line === '' ? [] : [{ does: 'enter', line }];
}
