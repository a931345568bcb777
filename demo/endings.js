const { tagOf } = require('./sessions-list');
const { visitorOf } = require('./visitor');

/** How many are kept. */
const MOST = 5;

/** @typedef {{ at: number, tag: string, user: string | undefined, reason: import('koa-evented-session').SessionEndedEvent['reason'] }} Ending */

/** The sessions that this process has ended from elsewhere: not by a request of their visitor. */
class Endings {
  /** The latest first. @type {Ending[]} */
  latest = [];

  /** @param {import('koa-evented-session').SessionEndedEvent} event */
  note({ key, value, reason }) {
    const ending = { at: Date.now(), tag: tagOf(key), user: value && visitorOf(value).user, reason };
    this.latest = [ending, ...this.latest].slice(0, MOST);
  }
}

module.exports = { Endings };
