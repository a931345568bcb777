const { handleOf, tagOf } = require('./sessions-list');
const { visitorOf } = require('./visitor');

/** How many are kept. */
const MOST = 5;

/** @typedef {import('koa-evented-session').SessionEndedEvent['reason']} Reason */
/** @typedef {{ at: number, tag: string, user: string | undefined, reason: Reason }} Ending */

/** The sessions that have ended in any process. */
class Endings {
  /** The latest first. @type {Ending[]} */
  latest = [];

  /** @param {import('koa-evented-session').SessionEndedEvent} event */
  note({ key, value, reason }) {
    // Only with the session does the event tell its id.
    const handle = value === undefined ? key : handleOf(key, value);
    const user = value && visitorOf(value).user;
    this.latest = [{ at: Date.now(), tag: tagOf(handle), user, reason }, ...this.latest].slice(0, MOST);
  }
}

module.exports = { Endings };
