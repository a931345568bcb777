import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';
import { root } from '../programs/node-program';
import { programOf } from './type-check';

const { entryPoints } = require('../../../scripts/entry-points') as typeof import('../../../scripts/entry-points');

/** A number that counts something says what. */
const UNIT = /millisecond|second|how many|characters|fraction|number of|revision|port|after this|`ttl`/i;

type Documented = { what: string; symbol: ts.Symbol; node: ts.Declaration };

/** The entry points in one program: most of what one imports, others do too. */
let entries: ts.Program | undefined;

function programOfEntries(): ts.Program {
  entries ??= programOf(
    Object.fromEntries(entryPoints().map(({ source }) => [source, readFileSync(join(root, source), 'utf8')])),
    {},
  );
  return entries;
}

/** What the doc comments of an entry point lack, or those of a sketch in its place. */
export function docFaults(source: string, sketch?: string): string[] {
  const program = sketch === undefined ? programOfEntries() : programOf({ [source]: sketch }, {});
  const checker = program.getTypeChecker();
  return exportsOf(program, source)
    .flatMap(({ name, symbol }) => [...documented(name, symbol, checker)])
    .flatMap((it) => faultsOf(it, checker));
}

/** The names that an entry point exports. */
export function exportedNames(source: string): string[] {
  return [...new Set(exportsOf(programOfEntries(), source).map(({ name }) => name))];
}

function exportsOf(program: ts.Program, source: string): { name: string; symbol: ts.Symbol }[] {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(join(root, source));
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(`${source} is no module`);
  const whole = module.exports?.get(ts.InternalSymbolName.ExportEquals);
  const symbols = [...(whole ? [followed(whole, checker)] : []), ...checker.getExportsOfModule(module)];
  const isNamed = ({ name }: ts.Symbol) => name !== ts.InternalSymbolName.Default;
  return symbols.filter(isNamed).map((symbol) => ({ name: symbol.name, symbol: followed(symbol, checker) }));
}

/** The target of an alias, even if it is a type that only names another one. */
function followed(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  if (symbol.flags & ts.SymbolFlags.Alias) return followed(checker.getAliasedSymbol(symbol), checker);
  const alias = symbol.declarations?.find(ts.isTypeAliasDeclaration);
  if (alias === undefined || !ts.isTypeReferenceNode(alias.type) || alias.type.typeArguments) return symbol;
  const named = checker.getSymbolAtLocation(alias.type.typeName);
  return named === undefined ? symbol : followed(named, checker);
}

/** A declaration, and what it consists of. */
function* documented(name: string, symbol: ts.Symbol, checker: ts.TypeChecker): Generator<Documented> {
  for (const node of symbol.declarations ?? []) {
    if (node.getSourceFile().fileName.includes('/node_modules/') || ts.isModuleDeclaration(node)) continue;
    yield { what: name, symbol, node };
    if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node)) continue;
    for (const member of node.members) {
      const own = ts.isConstructorDeclaration(member)
        ? symbol
        : member.name && checker.getSymbolAtLocation(member.name);
      const isHidden =
        (member.name && ts.isPrivateIdentifier(member.name)) ||
        ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
      if (own && !isHidden)
        yield { what: `${name}.${own === symbol ? 'constructor' : own.name}`, symbol: own, node: member };
    }
  }
}

function faultsOf({ what, symbol, node }: Documented, checker: ts.TypeChecker): string[] {
  const comment = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const faults: string[] = [];
  if (comment === '') faults.push(`${what} has no doc comment`);
  if (isOption(node) && !/default|older name/i.test(comment)) faults.push(`${what} does not say its default`);
  if (isNumber(node) && !UNIT.test(comment)) faults.push(`${what} does not say its unit`);
  if (canThrow(node, checker) && !saysThrows(node)) faults.push(`${what} does not say what it throws`);
  return faults;
}

function isOption(node: ts.Declaration): boolean {
  return (
    ts.isPropertySignature(node) &&
    node.questionToken !== undefined &&
    ts.isInterfaceDeclaration(node.parent) &&
    /Options$/.test(node.parent.name.text)
  );
}

function isNumber(node: ts.Declaration): boolean {
  const isValue = ts.isPropertySignature(node) || ts.isPropertyDeclaration(node) || ts.isGetAccessor(node);
  return isValue && /^number\b/.test(node.type?.getText() ?? '');
}

/** Whether its own code throws, or calls what says that it throws. */
function canThrow(node: ts.Declaration, checker: ts.TypeChecker): boolean {
  const { body } = node as Partial<ts.FunctionLikeDeclaration>;
  return body !== undefined && throwsIn(body, checker);
}

function throwsIn(node: ts.Node, checker: ts.TypeChecker): boolean {
  if (ts.isThrowStatement(node)) return true;
  // What is caught, or done later, is not thrown here.
  if (ts.isTryStatement(node) || ts.isFunctionLike(node)) return false;
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    const called = checker.getResolvedSignature(node)?.declaration;
    if (called && !called.getSourceFile().isDeclarationFile && saysThrows(called)) return true;
  }
  return ts.forEachChild(node, (child) => throwsIn(child, checker) || undefined) ?? false;
}

function saysThrows(node: ts.Node): boolean {
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'throws');
}
