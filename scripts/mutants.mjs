import { createHash } from 'node:crypto';
import ts from 'typescript';

const { SyntaxKind: Kind } = ts;

/**
 * A small fault: what stands `from` here on, and what comes in its place; `lines` are those on which it and what surrounds it begin,
 * the innermost first.
 * @typedef {{ start: number, end: number, line: number, lines: number[], from: string, to: string }} Mutant
 * @typedef {[node: ts.Node, to: string][]} Faults
 * @typedef {(node: ts.Node) => string} TextOf
 */

/**
 * What stands in place of an operator.
 * @type {Record<string, string>}
 */
const OPERATORS = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+=': '-=',
  '-=': '+=',
};

/**
 * The single small faults that can be placed in a source text.
 * @param {string} source
 * @returns {Mutant[]}
 */
export function mutantsOf(source) {
  const file = ts.createSourceFile('file.ts', source, ts.ScriptTarget.Latest, true);
  /** @type {Mutant[]} */
  const mutants = [];
  /** @type {(node: ts.Node, to: string) => void} */
  const add = (node, to) => {
    const [start, end] = [node.getStart(file), node.getEnd()];
    const from = source.slice(start, end);
    if (from === to) return;
    const lines = [];
    for (let around = node; !ts.isSourceFile(around); around = around.parent) {
      lines.push(file.getLineAndCharacterOfPosition(around.getStart(file)).line + 1);
    }
    const [line = 0] = lines;
    mutants.push({ start, end, line, lines, from: from.replace(/\s+/g, ' '), to });
  };
  /** @type {(node: ts.Node) => void} */
  const visit = (node) => {
    // Types do nothing.
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isImportEqualsDeclaration(node)) return;
    if (ts.isInterfaceDeclaration(node) || ts.isExportDeclaration(node)) return;
    for (const [place, to] of faultsOf(node, file)) add(place, to);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return mutants;
}

/** @type {(node: ts.Node, text: TextOf) => Faults} */
const negation = (node, text) => [[node, `!(${text(node)})`]];

/**
 * For each kind of node, the faults that it can have: which node goes, and what comes in its place.
 * @type {Partial<Record<ts.SyntaxKind, (node: any, text: TextOf) => Faults>>}
 */
const FAULTS = {
  [Kind.IfStatement]: ({ expression }, text) => negation(expression, text),
  [Kind.WhileStatement]: ({ expression }, text) => negation(expression, text),
  [Kind.ConditionalExpression]: ({ condition }, text) => negation(condition, text),
  [Kind.BinaryExpression]: ({ operatorToken }, text) => {
    const swapped = OPERATORS[text(operatorToken)];
    return swapped === undefined ? [] : [[operatorToken, swapped]];
  },
  [Kind.ExpressionStatement]: (node) => [[node, ';']],
  [Kind.ReturnStatement]: (node) => (node.expression ? [[node, 'return undefined as never;']] : []),
  [Kind.AwaitExpression]: (node, text) => [[node, `(${text(node.expression)} as never)`]],
  [Kind.PrefixUnaryExpression]: (node, text) =>
    node.operator === Kind.ExclamationToken ? [[node, `(${text(node.operand)})`]] : [],
  [Kind.NumericLiteral]: (node) => [[node, `${Number(node.text) + 1}`]],
  [Kind.StringLiteral]: (node) => [[node, node.text === '' ? "'x'" : "''"]],
  [Kind.TrueKeyword]: (node) => [[node, 'false']],
  [Kind.FalseKeyword]: (node) => [[node, 'true']],
};

/**
 * @param {ts.Node} node
 * @param {ts.SourceFile} file
 * @returns {Faults}
 */
function faultsOf(node, file) {
  return FAULTS[node.kind]?.(node, (one) => one.getText(file)) ?? [];
}

/**
 * The source text with the fault in its place.
 * @param {string} source
 * @param {Pick<Mutant, 'start' | 'end' | 'to'>} mutant
 */
export function placed(source, { start, end, to }) {
  return source.slice(0, start) + to + source.slice(end);
}

/**
 * At most `count` of them, the same for the same seed.
 * @param {Mutant[]} mutants
 * @param {number} count
 * @param {string} seed
 */
export function sampleOf(mutants, count, seed) {
  const lot = (/** @type {number} */ n) => createHash('sha256').update(`${seed} ${n}`).digest('hex');
  const drawn = mutants.map((mutant, n) => ({ mutant, lot: lot(n) })).sort((a, b) => (a.lot < b.lot ? -1 : 1));
  return drawn.slice(0, count).map(({ mutant }) => mutant);
}
