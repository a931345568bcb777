import { codeBlocks, headings, linksOf, textOf } from '../helpers/docs/markdown';

const [original, translation] = ['README.md', 'README.zh-CN.md'] as const;

describe('README.zh-CN.md', () => {
  it('has the sections of the README, at the same levels', () => {
    const levels = (page: string) => [1, 2, 3].map((level) => headings(page, level).length);
    const order = (page: string) =>
      textOf(page)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .match(/^#+(?= )/gm);
    expect(levels(translation)).toEqual(levels(original));
    expect(order(translation)).toEqual(order(original));
  });

  it('has its code, character by character', () => {
    const code = (page: string) => codeBlocks(page).map((block) => [block.language, block.code]);
    expect(code(translation)).toEqual(code(original));
  });

  it('has the rows of its tables, for the same names', () => {
    const rows = (page: string) =>
      [...textOf(page).matchAll(/^\| (.*?) \|/gm)].map(([, first = '']) => first.match(/`[^`]+`/g) ?? 'words');
    expect(rows(translation)).toEqual(rows(original));
  });

  it('has as many list items, and names the same code in each', () => {
    const items = (page: string) => [...textOf(page).matchAll(/^- .*(?:\n {2}.*)*/gm)].map(([item]) => namesIn(item));
    expect(items(translation)).toEqual(items(original));
  });

  it('names the same code in each section', () => {
    const sections = (page: string) =>
      textOf(page)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .split(/^#+ /m)
        .map(namesIn);
    expect(sections(translation)).toEqual(sections(original));
  });

  it('links to the same pages', () => {
    const others = (page: string) =>
      linksOf(page)
        .filter((link) => !link.startsWith(`${page}#`) && link !== original && link !== translation)
        .sort();
    expect(others(translation)).toEqual(others(original));
  });
});

function namesIn(text: string): string[] {
  return [...new Set(text.match(/`[^`]+`/g))].sort();
}
