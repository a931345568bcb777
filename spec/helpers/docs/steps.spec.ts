import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { emptyFolder } from '../package/npm';
import { root } from '../programs/node-program';
import { applicationBefore, stepsOf } from './steps';

const file = join(emptyFolder(), 'page.md');
const page = relative(root, file);

function written(...lines: string[]): void {
  writeFileSync(file, [...lines, ''].join('\n'));
}

describe('The steps of a page', () => {
  it('are the lines to enter and the files to save, in the order of the page', () => {
    const before = ['# A page', '', '## Other', '', '```sh', 'rm -r .', '```', '', '## Start', ''];
    const block = ['Save this as `app.mjs`, and run `node app.mjs`.', '', '```js', 'go();', '```', '', '## Next', ''];
    written(
      ...before,
      '```sh',
      'npm init -y # once',
      '# then',
      'npm install koa',
      '```',
      '',
      ...block,
      '```sh',
      'ls',
      '```',
    );
    expect(stepsOf(page, 'Start')).toEqual([
      { does: 'enter', line: 'npm init -y' },
      { does: 'enter', line: 'npm install koa' },
      { does: 'save', file: 'app.mjs', block: expect.objectContaining({ code: 'go();\n' }) },
      { does: 'enter', line: 'node app.mjs' },
    ]);
  });

  it('in front of the sections are what to add to a file, and what to change in an application', () => {
    const block = [
      '```js',
      "const Koa = require('koa');",
      "const a = require('new')(1); // was: require('old')",
      '```',
      '',
    ];
    written(
      '# A page',
      '',
      'Add this to `config/plugin.js`:',
      '',
      '```js',
      'go();',
      '```',
      '',
      ...block,
      '## Next',
      '',
      '```sh',
      'ls',
      '```',
    );
    const changes = [{ was: "require('old')", now: "const a = require('new')(1);" }];
    expect(stepsOf(page)).toEqual([
      { does: 'add', file: 'config/plugin.js', block: expect.objectContaining({ code: 'go();\n' }) },
      { does: 'change', changes, block: expect.anything() },
    ]);
    const [, change] = stepsOf(page);
    expect(change && 'block' in change && applicationBefore(change.block)).toBe(
      "const Koa = require('koa');\nconst a = require('old')(1);\n",
    );
  });

  it('are none for a file without a name: its reader would have to guess', () => {
    written('# A page', '', '## Start', '', '```js', 'go();', '```');
    expect(() => stepsOf(page, 'Start')).toThrow(/page\.md:5 does not say what to save this as$/);
  });

  it('are none for a section that the page does not have', () => {
    written('# A page', '', '## Start', '');
    expect(() => stepsOf(page, 'Begin')).toThrow('page.md has no section "Begin"');
  });
});
