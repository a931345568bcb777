import { docFaults, exportedNames } from '../helpers/docs/doc-comments';
import { headings, textOf } from '../helpers/docs/markdown';

const { entryPoints } = require('../../scripts/entry-points') as typeof import('../../scripts/entry-points');

describe('doc comments', () => {
  it.each(entryPoints())('of $name give meaning, unit, default and errors of everything', ({ source }) => {
    expect(docFaults(source)).toEqual([]);
    expect(exportedNames(source)).not.toEqual([]);
  });

  it.each(entryPoints())('of $name are in the API reference, for every export', ({ name, source }) => {
    const described = headings(`docs/api/${name.replaceAll('/', '-')}.md`, 2);
    expect(exportedNames(source).filter((exported) => !described.includes(exported))).toEqual([]);
    expect(textOf('docs/api/README.md')).toContain(`\`${name}\``);
  });

  it.each([
    ['no comment at all', 'export const limit = 5;', 'limit has no doc comment'],
    ['a method without one', '/** A shop. */ export class Shop { open() {} }', 'Shop.open has no doc comment'],
    [
      'an option without its default',
      '/** Options. */ export interface ShopOptions {\n/** Whether it is open. */\nopen?: boolean }',
      'ShopOptions.open does not say its default',
    ],
    [
      'a number without a unit',
      '/** A shop. */ export interface Shop {\n/** How long it is open. */\nduration: number }',
      'Shop.duration does not say its unit',
    ],
    [
      'an error that nobody expects',
      "/** Opens. */ export function open() { throw new Error('closed'); }",
      'open does not say what it throws',
    ],
    [
      'the error of a called function',
      '/** @throws TypeError */ function check() {}\n/** Opens. */\nexport function open() { check(); }',
      'open does not say what it throws',
    ],
  ])('would not pass with %s', (_what, code, fault) => {
    expect(docFaults('lib/sketch.ts', code)).toEqual([fault]);
  });
});
