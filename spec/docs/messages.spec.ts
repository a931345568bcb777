import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { expectMethods } from '../../lib/base/expect';
import session, { MemoryStore, Store } from '../../lib/main';
import { root } from '../helpers/programs/node-program';

const lib = join(root, 'lib');

/** The functions and classes whose texts users see, by name. */
const SPEAKERS = /^(\w*Error|expected|expectAbsent|expectThat|emitWarning|fail|unreadable)$/;

interface Message {
  where: string;
  text: string;
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesIn(path);
    return path.endsWith('.ts') ? [path] : [];
  });

/** A text in the source, with `…` for its inserted values. */
const textOf = (node: ts.Node): string | undefined => {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('');
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [textOf(node.left), textOf(node.right)];
    return left === undefined || right === undefined ? undefined : left + right;
  }
  return undefined;
};

/** All that a call or a `new` of a speaker says, however it chooses between texts. */
const messagesIn = (path: string): Message[] => {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: Message[] = [];
  const collect = (node: ts.Node) => {
    const text = textOf(node);
    if (text === undefined) {
      ts.forEachChild(node, collect);
      return;
    }
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    // One word is a name, or a code.
    if (text.trim().includes(' ')) found.push({ where: `${relative(lib, path)}:${line + 1}`, text });
  };
  const look = (node: ts.Node): void => {
    const isCall = ts.isNewExpression(node) || ts.isCallExpression(node);
    const callee = isCall ? node.expression : undefined;
    const name = callee && (ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText());
    if (isCall && name !== undefined && SPEAKERS.test(name)) node.arguments?.forEach(collect);
    else ts.forEachChild(node, look);
  };
  look(source);
  return found;
};

const messages = filesIn(lib).flatMap(messagesIn);
const breaking = (rule: (text: string) => boolean) => messages.filter(({ text }) => rule(text));

// To be read at once: MESSAGES=1 npx jest spec/docs/messages.spec.ts
if (process.env['MESSAGES'])
  process.stdout.write(`${messages.map(({ where, text }) => `${where}\t${text}`).join('\n')}\n`);

describe('The messages of the package', () => {
  it('are found', () => {
    expect(messages.length).toBeGreaterThan(100);
    expect(messages.map(({ text }) => text)).toContain(
      'Expected `tls` not to be `false` beside a `url` with rediss://: give one with redis://',
    );
  });

  it('do not contradict themselves', () => {
    expect(breaking((text) => /to be (an? \w+), got \1\b/.test(text))).toEqual([]);
    expect(breaking((text) => /to be a client, got/.test(text))).toEqual([]);
  });

  it.each([
    ['guess where a value came from', /nobody has|perhaps|probably|maybe/i],
    [
      'use words that the docs avoid',
      /\bof (yours|ours|its own|your own|theirs)\b|whoever|were it|be it|is to be|is none\b|is of\b/,
    ],
    ['expect something to be what it is not', /to be no /],
    ['say twice what was expected', /Expected.*\bExpected\b/s],
    ['end with a space, a comma or a colon', /[ ,:]$/],
    ['name a number without its unit', /would have …/],
  ])('do not %s', (_what, phrase) => {
    // The beginning of a text that is joined may end with a space.
    expect(breaking((text) => phrase.test(text))).toEqual([]);
  });

  it('begin with "Expected" if an option or value is wrong', () => {
    expect(breaking((text) => /^(You must|Must|Invalid|Please|Illegal|Bad)\b/.test(text))).toEqual([]);
  });

  it('agree in number', () => {
    const messageOf = (run: () => unknown) => {
      try {
        return run();
      } catch (error) {
        return (error as Error).message;
      }
    };
    const methods = (names: string[], value: object) => messageOf(() => expectMethods('o', value, names));
    expect(methods(['a'], {})).toBe('Expected `o` to have the method `a`, but `a` is missing');
    expect(methods(['a', 'b'], { a() {} })).toBe('Expected `o` to have the methods `a`, `b`, but `b` is missing');
    expect(methods(['a', 'b'], {})).toBe('Expected `o` to have the methods `a`, `b`, but `a`, `b` are missing');
    const store = new Store(new MemoryStore());
    expect(messageOf(() => session({ store, ttl: 5 }))).toMatch('give it to the Store, `new Store(client, { ttl })`');
    expect(messageOf(() => session({ store, ttl: 5, prefix: 'a:' }))).toMatch('give them to the Store,');
  });
});
