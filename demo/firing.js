const { setTimeout: pause } = require('node:timers/promises');

/** Number of requests that write to one session at once. */
const FIRED = 24;
const NUMBERS = Array.from({ length: FIRED }, (_, index) => index + 1);

/** The address under which this request has reached the demo. @param {import('koa').Context} ctx */
function originOf({ socket: { localAddress = '', localPort } }) {
  return `http://${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}

/**
 * Sends POSTs to `url` and a number, all in parallel: a browser would send only six at a time.
 *
 * @param {string} url
 * @param {string} cookie
 * @returns how many succeeded
 */
async function fire(url, cookie) {
  const answers = await Promise.all(
    NUMBERS.map((number) => fetch(`${url}/${number}`, { method: 'POST', headers: { cookie } })),
  );
  return answers.filter(({ ok }) => ok).length;
}

/** The number at the end of the url. @param {import('koa').Context} ctx */
function numberOf(ctx) {
  const number = Number(ctx['params'].number);
  return NUMBERS.includes(number) ? number : ctx.throw(404);
}

/** A handler's other work. On an ordinary machine, all requests have read the session when the first one writes it. */
function work() {
  return pause(150 + Math.random() * 60);
}

/** The writes that a session holds. @param {Record<string, unknown>} session */
function keptIn(session) {
  return NUMBERS.filter((number) => session[`write${number}`] !== undefined);
}

module.exports = { FIRED, fire, keptIn, numberOf, originOf, work };
