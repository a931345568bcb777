// How many functions of the package a request enters, and how often it goes from one file of the package to another.
// `npm run build && node bench/calls.js`, or with the folder of another build to compare: `node bench/calls.js ../other`
const Module = require('node:module');
const path = require('node:path');
const Koa = require('koa');
const ts = require('typescript');

const dist = path.join(path.resolve(process.argv[2] ?? path.join(__dirname, '..')), 'dist') + path.sep;
const PAGES = ['/write', '/read', '/pass'];
/** The fewest of some requests count: the first of a second, for one, writes the attributes of its cookie again. */
const REQUESTS = 5;

/** The file of each function that is entered, in order. @type {string[]} */
let entered = [];
Object.assign(globalThis, { enteredFunctionOf: (/** @type {string} */ file) => entered.push(file) });

const prototype = /** @type {{ _compile(text: string, file: string): unknown }} */ (
  /** @type {any} */ (Module).prototype
);
const { _compile: compile } = prototype;
/** @param {string} text @param {string} file */
prototype._compile = function (text, file) {
  const isOurs = file.startsWith(dist);
  return compile.call(this, isOurs ? marked(text, file.slice(dist.length)) : text, file);
};

/**
 * The program, with a call at the start of each of its functions.
 *
 * @param {string} text @param {string} file
 */
function marked(text, file) {
  const call = `enteredFunctionOf(${JSON.stringify(file)})`;
  /** @type {[at: number, mark: string][]} */
  const marks = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    const { body } = /** @type {{ body?: ts.Node }} */ (node);
    if (ts.isFunctionLike(node) && body !== undefined) {
      if (ts.isBlock(body)) marks.push([body.getStart() + 1, `${call};`]);
      else marks.push([body.getStart(), `(${call}, `], [body.getEnd(), ')']);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  let result = text;
  // From the end, so that places before it stay; of two marks in one place the inner one first.
  for (const [at, mark] of marks.reverse().sort(([a], [b]) => b - a))
    result = result.slice(0, at) + mark + result.slice(at);
  return result;
}

async function main() {
  /** @type {typeof import('../lib/main')} */
  const session = require(path.join(dist, 'main.js'));
  const app = new Koa();
  app.keys = ['key'];
  app.use((_ctx, next) => {
    entered = [];
    return next();
  });
  app.use(session({ store: new session.MemoryStore() }));
  app.use(async (ctx) => {
    ctx.body = '';
    if (ctx.path === '/pass') return;
    const held = await ctx.session;
    if (ctx.path === '/write' && held) held['n'] = Number(held['n'] ?? 0) + 1;
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  let cookie = '';
  /** @param {string} page */
  const ask = async (page) => {
    const { headers } = await fetch(`http://127.0.0.1:${port}${page}`, { headers: { cookie } });
    const sent = headers.getSetCookie().map((line) => line.split(';', 1)[0]);
    if (sent.length > 0) cookie = sent.join('; ');
    return entered;
  };
  await ask('/write');
  for (const page of PAGES) {
    /** @type {string[][]} */
    const requests = [];
    for (let n = 0; n < REQUESTS; n += 1) requests.push(await ask(page));
    const [least = []] = requests.sort((a, b) => a.length - b.length);
    const changes = least.filter((file, n) => n > 0 && file !== least[n - 1]).length;
    const files = new Set(least).size;
    console.log(`${page.padEnd(6)} ${least.length} functions in ${files} files, ${changes} changes of file`);
  }
  server.closeAllConnections();
  server.close();
}

main();
