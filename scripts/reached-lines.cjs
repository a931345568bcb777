const { writeFileSync } = require('node:fs');
const { SourceMap } = require('node:module');
const { relative, sep } = require('node:path');

/**
 * What a spec reaches: for each file of lib, how often each line with a statement ran.
 * @typedef {{ spec: string, ms: number, files: Record<string, Record<number, number>> }} Reached
 */

/** A reporter of jest that writes what each spec reaches to the file that $REACHED names for it. */
module.exports = class ReachedLines {
  /** @param {{ rootDir: string }} config */
  constructor({ rootDir }) {
    this.rootDir = rootDir;
  }

  /** @param {{ path: string }} test @param {{ coverage?: Record<string, any>, perfStats: { runtime: number } }} result */
  onTestResult({ path }, { coverage = {}, perfStats }) {
    const name = (/** @type {string} */ file) => relative(this.rootDir, file).split(sep).join('/');
    const files = Object.fromEntries(Object.entries(coverage).map(([file, of]) => [name(file), linesOf(of)]));
    const spec = name(path);
    const target = JSON.parse(process.env['REACHED'] ?? '{}')[spec];
    if (target) writeFileSync(target, JSON.stringify({ spec, ms: perfStats.runtime, files }));
  }
};

/**
 * @param {{ statementMap: Record<string, { start: { line: number, column: number } }>, s: Record<string, number>, inputSourceMap?: any }} coverage
 */
function linesOf({ statementMap, s, inputSourceMap }) {
  const map = inputSourceMap && new SourceMap(inputSourceMap);
  /** @type {Record<number, number>} */
  const lines = {};
  for (const [key, { start }] of Object.entries(statementMap)) {
    const line = map ? map.findEntry(start.line - 1, start.column).originalLine + 1 : start.line;
    if (line > 0) lines[line] = (lines[line] ?? 0) + (s[key] ?? 0);
  }
  return lines;
}
