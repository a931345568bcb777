const { readFileSync } = require('node:fs');
const ts = require('typescript');

// The specs' databases are written in TypeScript.
require.extensions['.ts'] = (/** @type {any} */ module, /** @type {string} */ file) => {
  const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: options, fileName: file });
  module._compile(outputText, file);
};

/** Private SQL databases, as the specs start them. @type {typeof import('../../spec/helpers/databases/sql-databases')} */
module.exports = require('../../spec/helpers/databases/sql-databases');
