import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { drift, pageAt, proseOf, translations, uses } from '../helpers/docs/translations';
import { root } from '../helpers/programs/node-program';

describe.each([...translations])('%s', (english, chinese) => {
  it(`is followed by ${chinese}, piece by piece`, () => {
    expect(existsSync(join(root, english))).toBe(true);
    expect(drift(pageAt(english), pageAt(chinese))).toEqual([]);
  });

  it('links to its translation at the top, and back', () => {
    const [top, translatedTop] = [english, chinese].map((path) => pageAt(path).text.slice(0, 1000));
    expect([top, translatedTop]).toEqual([
      expect.stringContaining('\n[中文]('),
      expect.stringContaining('\n[English]('),
    ]);
  });
});

/** Words that pages in Chinese do not use: the last column of the glossary. */
const [, glossary = ''] = pageAt('docs/contributing.md').text.split('| English | Chinese | refused |\n');
const rows = glossary.split('\n\n')[0]?.split('\n').slice(1) ?? [];
const refused = rows.flatMap((row) => row.split('|')[3]?.match(/[^\s,][^,]*[^\s,]/g) ?? []);

describe('pages in Chinese', () => {
  it.each([...translations.values()])('have one word for each concept: %s', (path) => {
    expect(refused.length).toBeGreaterThan(10);
    expect(
      proseOf(pageAt(path)).flatMap(({ place, text }) =>
        refused.flatMap((word) => (uses(word, text) ? `${place}: ${word}` : [])),
      ),
    ).toEqual([]);
  });
});

describe('the site', () => {
  it.each(['opening', 'pages', 'words'])('has the words of the pages in Chinese: site/%s.js', (name) => {
    const texts = pageAt(`site/${name}.js`).text.match(/'[^'\n]*\p{Script=Han}[^'\n]*'/gu) ?? [];
    expect(texts).not.toEqual([]);
    expect(texts.filter((text) => refused.some((word) => uses(word, text)))).toEqual([]);
  });
});

describe('the check of words', () => {
  it.each([
    ['session', '一个 session 的请求', true],
    ['session', '会话（session）中间件', false],
    ['session', 'koa-session 的存储', false],
    ['失效', '会话已失效。', true],
  ])('finds %s in "%s": %s', (word, text, found) => {
    expect(uses(word, text)).toBe(found);
  });
});

describe('the check of translations', () => {
  const english = `# Waiting

[中文](zh/outages.md)

Requests wait up to 10 000 ms, as [timeout](options.md#timeout) says.

| option | |
|---|---|
| \`timeout\` | for one answer |
| \`defer\` | see [account](users.md#an-account-page) |

## A program

\`\`\`js
app.use(session()); // at the top
app.listen(3000);
// GET / → 200 hello
\`\`\`

- The first \`connect\`
  counts.
- The last does not.
`;
  const chinese = `# 等待

[English](../outages.md)

按照 [timeout](options.md#timeout)，请求最多等待 10 000 毫秒。

| 选项 | |
|---|---|
| \`timeout\` | 一次应答 |
| \`defer\` | 见[账户](users.md#账户页面) |

## 一个程序

\`\`\`js
app.use(session()); // 放在最前
app.listen(3000);
// GET / → 200 hello
\`\`\`

- 第一次 \`connect\` 有效。
- 最后一次无效。
`;
  const driftAfter = (found: string, replacement: string) => {
    expect(english).toContain(found);
    const text = english.replace(found, replacement);
    return drift({ path: 'docs/outages.md', text }, { path: 'docs/zh/outages.md', text: chinese });
  };

  it('leaves a page that follows, and comments and wording of each language', () => {
    expect(driftAfter('at the top', 'first of all')).toEqual([]);
    expect(driftAfter('counts', 'is what counts')).toEqual([]);
  });

  it.each([
    ['a number', '10 000', '20 000', 'docs/zh/outages.md:5 does not follow docs/outages.md:5: lacks 20000'],
    [
      'a name in the first column',
      '| `timeout` |',
      '| `patience` |',
      'docs/zh/outages.md:9 does not follow docs/outages.md:9, cell 1: lacks `patience`',
    ],
    [
      'the page of a link',
      'options.md#timeout',
      'errors.md#err_session_size',
      'docs/zh/outages.md:5 does not follow docs/outages.md:5: lacks docs/errors.md#err_session_size',
    ],
    [
      'the heading of a link',
      '#an-account-page',
      '#the-guarantee',
      'docs/zh/outages.md:10 does not follow docs/outages.md:10, cell 2: lacks docs/zh/users.md#保证',
    ],
    [
      'a new row',
      '| `defer`',
      '| `app` | the application |\n| `defer`',
      'docs/zh/outages.md:10 does not follow docs/outages.md:10, cell 1: lacks `app`',
    ],
    [
      'a row that has gone',
      '| `timeout` | for one answer |\n',
      '',
      'docs/zh/outages.md:9 does not follow docs/outages.md:9, cell 1: lacks `defer`',
    ],
    [
      'a new paragraph',
      '| option',
      'They then fail.\n\n| option',
      'docs/zh/outages.md:7: row of 2 cells "| 选项 | |"; docs/outages.md:7 has paragraph "They then fail."',
    ],
    [
      'a new column',
      '| option | |',
      '| option | default | |',
      'docs/zh/outages.md:7: row of 2 cells "| 选项 | |"; docs/outages.md:7 has row of 3 cells "| option | default | |"',
    ],
    [
      'a line of code',
      'app.listen(3000)',
      'app.listen(8080)',
      'docs/zh/outages.md:14 does not follow docs/outages.md:14: line 2 of the code must be "app.listen(8080);"',
    ],
    [
      'what a program answers',
      '200 hello',
      '200 bye',
      'docs/zh/outages.md:14 does not follow docs/outages.md:14: line 3 of the code must be "// GET / → 200 bye"',
    ],
    [
      'the level of a heading',
      '## A program',
      '### A program',
      'docs/zh/outages.md:12: heading of level 2 "一个程序"; docs/outages.md:12 has heading of level 3 "A program"',
    ],
    [
      'a new list item',
      '- The last does not.\n',
      '- The last does not.\n- Nor does `end`.\n',
      'docs/zh/outages.md:21: nothing more; docs/outages.md:23 has list item "Nor does `end`."',
    ],
    [
      'a list item that has gone',
      '- The last does not.\n',
      '',
      'docs/zh/outages.md:21: no counterpart in English: list item "最后一次无效。"',
    ],
  ])('finds %s', (_what, found, replacement, message) => {
    expect(driftAfter(found, replacement)).toContain(message);
  });
});
