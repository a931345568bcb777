import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pages, textOf } from '../helpers/docs/markdown';
import { root } from '../helpers/programs/node-program';

/** Pages in plain English. Add a page once it has been rewritten. */
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/comparison.md',
  'docs/contributing.md',
  'docs/cookie.md',
  'docs/errors.md',
  'docs/express.md',
  'docs/getting-started.md',
  'docs/keyv.md',
  'docs/migrating-from-egg-session.md',
  'docs/migrating-from-koa-generic-session.md',
  'docs/migrating-from-koa-session.md',
  'docs/migrating-from-koa-session-minimal.md',
  'docs/options.md',
  'docs/outages.md',
  'docs/prefixes.md',
  'docs/races.md',
  'docs/redis.md',
  'docs/running.md',
  'docs/security.md',
  'docs/speed.md',
  'docs/sql.md',
  'docs/stores.md',
  'docs/stores-testing.md',
  'docs/testing.md',
  'docs/troubleshooting.md',
  'docs/users.md',
  'docs/versions.md',
  'docs/websockets.md',
  ...pages.filter((page) => /^docs\/recipes\/(?!README)/.test(page)),
];

/** Folders whose comments and texts are in plain English. Add one once it has been rewritten. */
const SOURCES = [
  'demo',
  'examples',
  'lib/base',
  'lib/cli',
  'lib/client',
  'lib/compat',
  'lib/cookies',
  'lib/middleware',
  'lib/persistence',
  'lib/record',
  'lib/session',
  'lib/stores',
  'lib/testing',
  'lib/users',
  'scripts',
  'bench',
];

/** A turn of phrase that has to be read twice, and what to write instead. */
const CLUMSY: [phrase: RegExp, plain: string][] = [
  [/\bwhoever\b/i, 'anybody who, or name the person'],
  [/\bnobody[’']s\b/i, 'name who, or leave it out'],
  [/\bnobody (knows|can notice|has asked)\b/i, 'unknown, unnoticed'],
  [/\bof (ours|yours|theirs|one[’']s own)\b/i, 'our, your, their'],
  [
    /\bof (its|their) own(?=[^ \w]|$| (and|or|that|with|to|in|for|from|on|by|beside|if|when)\b)/i,
    'its own …, separate',
  ],
  [/\b(is|are|was) (yours|ours) to\b/i, '… it yourself'],
  [/\bwhat is (none|no|not an?)\b/i, 'anything else'],
  [/(?<!there )\bis none\b(?! of)/i, 'is not a …'],
  [/(?<!\bas )\bwere it\b/i, 'if it were'],
  [/(?<!\bso )\bbe it\b/i, 'whether it is'],
  [/\bever so\b/i, 'however …'],
  [/\bby then\b/i, 'already, now, or leave it out'],
  [/\b(is|are|was|were) to (?!the\b|an?\b)[a-z]+\b/, 'must, should, or the verb alone'],
  [/\bwhere (nothing|nobody|no|none)\b/i, 'if nothing, without'],
  [/\bas yet\b/i, 'yet'],
  [/\bbut for\b/i, 'except'],
  [/\bwhat (comes|came|becomes|became) of\b/i, 'the result of'],
  [/\btimes? (is|was|are) over\b/i, 'has expired, is up'],
  [/\ball the same\b/i, 'nevertheless, still'],
  [/\bhears? of\b/i, 'gets, is called with, notices'],
  [/\banew\b/i, 'again'],
  [/\bhand(s|ed)? (it |them )?out\b/i, 'return'],
  [/\b(takes?|taken) (it|them|\w+) for (?!granted)/i, 'mistake for, treat as'],
  [/(?<!\b[Tt]here )\bis no (?!longer\b|more\b|error\b|reason\b|use\b)/, 'is not a'],
  [/\bbelongs? into\b/i, 'belongs in'],
  [/\blost side by side\b/i, 'parallel requests don’t overwrite each other'],
  [/\bheard and bounded\b/i, 'reported, and waiting has a limit'],
  [/\bcarries (its|a|the) [`\w]+, which\b/i, 'exposes, has'],
  [/\bwithout a word\b/i, 'silently'],
  [/\bcomes? to (another error|none|nothing)\b/i, 'surfaces as, fails silently'],
  [/\btoo dear\b/i, 'costs too much'],
  [/\b(taken for used|whether there is any)\b/i, 'whether the session has …'],
  [/\b(session|record|ttl|timeout)`? is over\b/i, 'has expired'],
];

/** In titles of specs, too. A place may follow a verb such as "says". */
const CLUMSY_TITLES: typeof CLUMSY = [...CLUMSY, [/(?<!\b(says|show|belong|decide|are) )\bwhere\b/i, 'if, when']];

const clumsyIn = (text: string, phrases = CLUMSY) =>
  phrases.flatMap(([phrase, plain]) => {
    const [found] = phrase.exec(text) ?? [];
    return found === undefined ? [] : [`"${found}": ${plain}`];
  });

/** The paragraphs, rows and items of a page, each on one line, without blocks of code. */
const paragraphsOf = (page: string) =>
  textOf(page)
    .replace(/^```[\s\S]*?^```$/gm, '')
    .split(/\n{2,}|\n(?=\s*(?:[-|]|\d+\.) ?)/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' '));

/** The sources in a folder, without installed packages. */
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(path);
    return /\.[jt]s$/.test(path) ? [path] : [];
  });

/** Code with its comments and texts on one line. Only they hold phrases. */
const onOneLine = (code: string) => code.replace(/\s*\n\s*(?:\*|\/\/)?\s*/g, ' ');

/** The texts of `describe`, `it` and their `each`. */
const TITLE = /\b(?:describe|it)\(\s*(['"`])(.+?)\1|\)\s*\(\s*(['"`])(.+?)\3,\s*(?:async )?\(/g;

const titlesIn = (spec: string) => [...textOf(spec).matchAll(TITLE)].map((match) => match[2] ?? match[4] ?? '');

describe('the wording', () => {
  it.each(PAGES)('can be read once: %s', (page) => {
    const paragraphs = paragraphsOf(page);
    expect(paragraphs.length).toBeGreaterThan(10);
    expect(paragraphs.flatMap((paragraph) => clumsyIn(paragraph))).toEqual([]);
  });

  it('can be read once in the comments and messages of the code', () => {
    const files = SOURCES.flatMap(filesIn);
    expect(files.length).toBeGreaterThan(30);
    const found = files.flatMap((file) => clumsyIn(onOneLine(textOf(file))).map((phrase) => `${file}: ${phrase}`));
    expect(found).toEqual([]);
  });

  it('can be read once in the titles of specs', () => {
    const titles = filesIn('spec').flatMap(titlesIn);
    expect(titles.length).toBeGreaterThan(1500);
    expect(titles.flatMap((title) => clumsyIn(title, CLUMSY_TITLES).map((found) => `${title}: ${found}`))).toEqual([]);
  });
});

describe('the check of the wording', () => {
  it('leaves out the packages that a folder has installed', () => {
    expect(filesIn('spec/interop')).toEqual(['spec/interop/index.ts']);
  });

  it.each([
    ['Nothing is lost side by side'],
    ['An outage is heard and bounded'],
    ['The middleware carries its `store`, which emits each change of the connection once'],
    ['What is no store is a `TypeError`'],
    ['cuts it instead without a word, which nobody can notice but by reading it'],
    ['uses it up, be the store ever so quick'],
    ['in which Redis may be back and nobody knows'],
    ['Mistakes that come to another error, or to none'],
    ['defining properties is too dear to be done in each request'],
    ['What goes on after the response is nobody’s to wait for'],
    ['not made where nobody has asked, and not taken for used'],
    ['Whether there is any data'],
    ['The client is yours to end.'],
    ['a connection of its own, with a password'],
    ['a client of yours'],
    ['An option that nobody knows'],
    ['The session cookie is to be signed'],
    ['Milliseconds that a record is to live'],
    ['finds nothing where nothing is stored'],
    ['a record that the store has not seen as yet'],
    ['all headers but for the cookie'],
    ['What came of an attempt to replace a version'],
    ['swaps nothing whose time is over'],
    ['the cookie is cleared all the same'],
    ['The errorHandler hears of a session that cannot be written'],
    ['decides anew how long it lives'],
    ['a client that hands out expired sessions'],
    ['takes ENOENT for a failure'],
    ['a record that is no session'],
    ['What depends on the stored value belongs into `update()`'],
    ['also where `timeout` is over by then'],
    ['were it not for the store'],
    ['each store, be it Redis or a table'],
    ['app.use() before whoever needs it'],
  ])('finds %s', (text) => {
    expect(clumsyIn(text)).not.toEqual([]);
  });

  it.each([
    ['Parallel requests don’t overwrite each other'],
    ['Outages are reported, and waiting has a limit'],
    ['exposes its `store`, which emits one event per connection change'],
    ['Anything else throws a `TypeError`'],
    ['silently truncates it; you notice on the next read'],
    ['however fast the store is'],
    ['during which a recovered Redis goes unnoticed'],
    ['Mistakes that surface as another error, or silently'],
    ['Defined once per application: doing it per request costs too much'],
    ['Nobody waits for work that continues after the response'],
    ['Does not create the session and does not mark it as used'],
    ['Whether the session has no data'],
    ['a store of its own kind'],
    ['Close the client yourself.'],
    ['It is, as it were, a cache.'],
    ['until the request is over'],
    ['koa-redis and ioredis run side by side'],
    ['None of its changes is stored'],
    ['What this is to the browser: a cookie.'],
    ['the place where the cookie was put'],
    ['a session that is no longer in the store'],
    ['There is no store'],
    ['A cookie takes 4 096 bytes'],
  ])('leaves %s', (text) => {
    expect(clumsyIn(text)).toEqual([]);
  });

  it.each([
    ['/** Only read,\n * were it\n * full */'],
    ['// Only read, were\n// it full'],
    ["fail('only read, were it full')"],
  ])('sees a phrase in a comment and in a message: %j', (code) => {
    expect(clumsyIn(onOneLine(code))).toEqual(['"were it": if it were']);
  });
});
