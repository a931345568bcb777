const { setTimeout: pause } = require('node:timers/promises');
const { listSessions } = require('./sessions-list');

/** Milliseconds after which the panel shows the previous state instead. */
const PATIENCE = 1000;

/** @typedef {Record<'shop' | 'blog', import('./sessions-list').Listed[]>} Sessions */

/**
 * The contents of the panel.
 *
 * @typedef {object} View
 * @property {Sessions} sessions
 * @property {number} seenAt when they were read
 * @property {boolean} isStale whether they could not be read now
 * @property {import('./timeline').State} state
 * @property {number} now
 * @property {number | undefined} awayUntil
 * @property {import('./timeline').Timeline} timeline
 * @property {import('./endings').Ending[]} endings the latest first
 * @property {string} where
 */

/** Reads the store directly, without using or creating a session. */
class Panel {
  /** @type {Sessions} */
  #sessions = { shop: [], blog: [] };
  #seenAt = Date.now();
  #shared;

  /**
   * @param {object} shared
   * @param {import('./businesses').Business[]} shared.businesses
   * @param {import('./sessions-list').Client} shared.client
   * @param {import('./endings').Endings} shared.endings
   * @param {import('./timeline').Timeline} shared.timeline
   * @param {import('./outage').Outage} shared.outage
   */
  constructor(shared) {
    this.#shared = shared;
  }

  /** @returns {Promise<View>} */
  async look() {
    const { client, endings, timeline, outage } = this.#shared;
    const isStale = !(await this.#read().catch(() => false));
    return {
      sessions: this.#sessions,
      seenAt: this.#seenAt,
      isStale,
      state: timeline.changes.at(-1)?.state ?? 'available',
      now: Date.now(),
      awayUntil: outage.until,
      timeline,
      endings: endings.latest,
      where: `${client.where}, process ${process.pid}`,
    };
  }

  async #read() {
    const { businesses, client } = this.#shared;
    if (!client.connected) return false;
    const reading = Promise.all(
      businesses.map(async ({ name, prefix }) => [name, await listSessions(client, prefix)]),
    ).then(Object.fromEntries);
    // A store that hangs does not close its connection.
    const found = await Promise.race([reading, pause(PATIENCE, undefined, { ref: false })]);
    if (found === undefined) return false;
    this.#sessions = found;
    this.#seenAt = Date.now();
    return true;
  }
}

module.exports = { Panel };
