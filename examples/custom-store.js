// Your own store: each session is a file. Three methods are enough.
//
// Run:  npm run build && SESSIONS_DIR=/tmp/sessions node examples/custom-store.js
// See:  curl -c jar -b jar http://localhost:3000 counts, also over a restart; the folder has a file for each visitor.
const { createHash, randomUUID } = require('node:crypto');
const { mkdirSync } = require('node:fs');
const { readFile, rename, rm, writeFile } = require('node:fs/promises');
const { join } = require('node:path');
const Koa = require('koa');
const session = require('koa-evented-session');

/**
 * Missing and expired sessions are no error; whatever else fails is one, and the request hears of it. It neither sweeps what has
 * expired nor compares before it writes: docs/options.md#store has what a store can do beyond this, docs/stores-testing.md how to test it.
 *
 * @implements {session.SessionStore}
 */
class FileStore {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** A key may hold what no file name can. @param {string} key */
  pathOf(key) {
    return join(this.folder, `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  /** A file that is missing fails with ENOENT, which counts as no session. @param {string} key */
  async get(key) {
    const { end, record } = JSON.parse(await readFile(this.pathOf(key), 'utf8'));
    return end > Date.now() ? record : null;
  }

  /** A reader finds the old file or the new one, never half of it. @param {string} key @param {object} record @param {number} ttl */
  async set(key, record, ttl) {
    const path = this.pathOf(key);
    const draft = `${path}.${randomUUID()}`;
    await writeFile(draft, JSON.stringify({ end: Date.now() + ttl, record }), { mode: 0o600 });
    await rename(draft, path);
  }

  /** @param {string} key */
  async destroy(key) {
    await rm(this.pathOf(key), { force: true });
  }
}

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret for development only'];

app.use(session({ store: new FileStore(process.env['SESSIONS_DIR'] || 'sessions') }));

app.use((ctx) => {
  const visitor = /** @type {{ views?: number }} */ (ctx.session);
  visitor.views = (visitor.views ?? 0) + 1;
  ctx.body = `views: ${visitor.views}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
