const { createHash } = require('node:crypto');

/** @typedef {import('./businesses').Business} Business */
/** @typedef {InstanceType<typeof import('./stores/memory').MemoryClient> | InstanceType<typeof import('./stores/redis').RedisClient>} Client */

/**
 * A session as the pages show it.
 *
 * @typedef {object} Listed
 * @property {string} tag shown instead of the id
 * @property {string | undefined} user
 * @property {number} since when it began
 * @property {number} left milliseconds until it expires
 * @property {number} bytes
 */

/**
 * The handle of a session, which it keeps when it gets a new id with its data: the hash of its first id.
 *
 * @param {string} sid
 * @param {Record<string, any> | null | undefined} session
 * @returns {string}
 */
function handleOf(sid, session) {
  return session?.['cookie']?.handle ?? createHash('sha256').update(sid).digest('base64url');
}

/** What the pages show instead of a handle. @param {string} handle */
function tagOf(handle) {
  return Buffer.from(handle, 'base64url').toString('hex').slice(0, 6);
}

/**
 * Lists the sessions under a business' prefix, newest first. Those of one user are found by `sessions.of(user)`, without a scan.
 *
 * @param {Client} client
 * @param {string} prefix
 */
async function listSessions(client, prefix) {
  const keys = await keysOf(client, prefix);
  const listed = await Promise.all(keys.map((key) => look(client, key, prefix)));
  return listed.filter((session) => session !== undefined).sort((a, b) => b.since - a.since);
}

/**
 * @param {Client} client
 * @param {string} prefix
 */
async function keysOf(client, prefix) {
  /** @type {Set<string>} */
  const all = new Set();
  /** @type {string | undefined} */
  let cursor;
  do {
    const found = await client.keys(prefix, cursor);
    for (const key of found.keys) all.add(key);
    cursor = found.cursor;
  } while (cursor !== undefined);
  return [...all];
}

/**
 * @param {Client} client
 * @param {string} key
 * @param {string} prefix
 * @returns {Promise<Listed | undefined>}
 */
async function look(client, key, prefix) {
  const found = await client.load(key, { ttl: true });
  const session = found && asObject(found.record);
  // The session has ended, or was regenerated, which leaves the text `null` for a minute.
  if (!session) return undefined;
  return {
    tag: tagOf(handleOf(key.slice(prefix.length), session)),
    user: session['user'],
    since: session['since'] ?? Date.now(),
    left: found.ttl ?? 0,
    bytes: Buffer.byteLength(found.record),
  };
}

/**
 * @param {string} record
 * @returns {Record<string, any> | undefined}
 */
function asObject(record) {
  try {
    const value = JSON.parse(record);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { handleOf, listSessions, tagOf };
