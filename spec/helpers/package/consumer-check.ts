import { relative } from 'node:path';
import * as current from 'typescript';

export type Compiler = typeof current;
export type Options = current.CompilerOptions;

/** Parsing is most of the work, and the same for every program of one compiler and one module system. */
const parsed = new Map<string, Map<string, current.SourceFile | undefined>>();

/** Packages without relation to Koa are read, but not checked for their own faults: Node's types alone take seconds. */
const unrelated = /node_modules[/](?!.*node_modules[/])(?!.*koa)/;

/**
 * What a compiler has to say to files in a folder outside the project and to the types of Koa and its packages, as strict as can
 * be; nothing of the project's own settings counts. Writes JavaScript where `outDir` is given.
 */
export function complaints(folder: string, files: readonly string[], given: Options, ts: Compiler = current): string[] {
  const options: Options = {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: given.outDir === undefined,
    ...given,
  };
  const program = ts.createProgram([...files], options, hostOf(folder, options, ts));
  const found = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
  ];
  for (const file of program.getSourceFiles().filter(({ fileName }) => !unrelated.test(fileName))) {
    found.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
  }
  if (found.length === 0 && !options.noEmit) {
    // File by file: to write a whole program, the compiler first checks all of it, Node's types too.
    for (const file of files) found.push(...program.emit(program.getSourceFile(file)).diagnostics);
  }
  return found.map(({ file, start = 0, code, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    const path = file ? relative(folder, file.fileName) : '';
    return `${path}:${line} TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

function hostOf(folder: string, options: Options, ts: Compiler): current.CompilerHost {
  const key = [ts.version, options.module].join();
  const known = parsed.get(key) ?? new Map<string, current.SourceFile | undefined>();
  parsed.set(key, known);
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getCurrentDirectory = () => folder;
  host.getSourceFile = (name, how, ...rest) => {
    if (!name.includes('node_modules')) return getSourceFile(name, how, ...rest);
    if (!known.has(name)) known.set(name, getSourceFile(name, how, ...rest));
    return known.get(name);
  };
  return host;
}
