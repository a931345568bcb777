// A custom store that keeps each session in a file. Three methods are enough.
//
// Run:  npm run build && SESSIONS_DIR=/tmp/sessions node examples/custom-store.js
// See:  curl -c jar -b jar http://localhost:3000 counts its views, even after a restart; the folder has one file per visitor.
const { createHash, randomUUID } = require('node:crypto');
const { mkdirSync } = require('node:fs');
const { readFile, rename, rm, writeFile } = require('node:fs/promises');
const { join } = require('node:path');
const Koa = require('koa');
const session = require('koa-evented-session');

/**
 * Missing and expired sessions are not errors; any other failure fails the request. The store neither sweeps expired files nor
 * compares before it writes: see docs/options.md#store for what a store can add, and docs/stores-testing.md for how to test it.
 *
 * @implements {session.SessionStore}
 */
class FileStore {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Encodes the key, which may contain characters that file names cannot. @param {string} key */
  pathOf(key) {
    return join(this.folder, `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  /** A missing file fails with ENOENT, which counts as no session. @param {string} key */
  async get(key) {
    const { end, record } = JSON.parse(await readFile(this.pathOf(key), 'utf8'));
    return end > Date.now() ? record : null;
  }

  /** Renames a complete file, so that a parallel read finds the old file or the new one, never a part. @param {string} key @param {object} record @param {number} ttl */
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
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

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
