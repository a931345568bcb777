import { join, relative } from 'node:path';
import * as ts from 'typescript';
import { root } from '../programs/node-program';

const { options: projectOptions, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  root,
);
/** Types of modules that have none. */
const declarations = fileNames.filter((name) => name.endsWith('.d.ts') && !name.includes('/dist/'));

/** Their names from the root of the project; every program has them. */
export const declarationFiles = declarations.map((name) => relative(root, name));

/** Parsing is most of the work, and the same for every program. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** A program of the given files, which need not exist, with the compiler options of the project. */
export function programOf(files: Record<string, string>, options: ts.CompilerOptions): ts.Program {
  const sources = new Map(Object.entries(files).map(([name, text]) => [join(root, name), text]));
  const compilerOptions = { ...projectOptions, moduleDetection: ts.ModuleDetectionKind.Force, ...options };
  const host = ts.createCompilerHost(compilerOptions);
  const { getSourceFile, fileExists, readFile } = host;
  return ts.createProgram([...sources.keys(), ...declarations], compilerOptions, {
    ...host,
    fileExists: (name) => sources.has(name) || fileExists(name),
    readFile: (name) => sources.get(name) ?? readFile(name),
    getSourceFile: (name, how, ...rest) => {
      const text = sources.get(name);
      if (text !== undefined) return ts.createSourceFile(name, text, how);
      if (!parsed.has(name)) parsed.set(name, getSourceFile(name, how, ...rest));
      return parsed.get(name);
    },
  });
}

export interface Problem {
  readonly code: number;
  readonly text: string;
}

/**
 * The compiler's messages for a file of this name and text; `globals` declares what it may use without an import, and
 * `others` are files beside it.
 */
export function problemsIn(
  name: string,
  text: string,
  globals: string,
  options: ts.CompilerOptions = {},
  others: Record<string, string> = {},
): Problem[] {
  return problemsOf({ [name]: text }, globals, options, others)(name);
}

/** The same for each of several files, by name. They are one program, as a program takes longer than a file. */
export function problemsOf(
  files: Record<string, string>,
  globals: string,
  options: ts.CompilerOptions = {},
  others: Record<string, string> = {},
): (name: string) => Problem[] {
  const program = programOf({ ...others, ...files, 'globals.d.ts': globals }, options);
  return (name) => problemsWith(program.getSourceFile(join(root, name)), program);
}

function problemsWith(file: ts.SourceFile | undefined, program: ts.Program): Problem[] {
  const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  return diagnostics.map(({ code, messageText, start }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return { code, text: `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}` };
  });
}

/** The strings that a type allows, as of `keyof SessionOptions`; the types of koa-evented-session are in scope. */
export function stringsOf(type: string): string[] {
  const imported = /\bSession\w+/.exec(type)?.[0];
  const program = programOf(
    { 'strings.ts': `import type { ${imported} } from 'koa-evented-session';\nexport type It = ${type};` },
    {},
  );
  const alias = program.getSourceFile(join(root, 'strings.ts'))?.statements.find(ts.isTypeAliasDeclaration);
  const found = alias && program.getTypeChecker().getTypeAtLocation(alias);
  return found?.isUnion() ? found.types.flatMap((each) => (each.isStringLiteral() ? each.value : [])) : [];
}

/** The same program as JavaScript, for node to run. */
export function asJavaScript(text: string): string {
  return ts.transpile(text, { ...projectOptions, module: ts.ModuleKind.CommonJS });
}
