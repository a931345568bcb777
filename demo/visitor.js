/**
 * The data in a session of the demo.
 *
 * @typedef {object} Visitor
 * @property {string} [user]
 * @property {number} [since]
 * @property {Record<string, number>} [cart]
 * @property {Record<string, number>} [saved]
 * @property {import('./writes').Outcome} [writes]
 */

/** @param {unknown} session @returns {Visitor & Record<string, any>} */
function visitorOf(session) {
  return /** @type {Visitor & Record<string, any>} */ (session);
}

/**
 * Changes the visitor's session in one step: `change` receives the session as stored now, with the changes of other requests.
 *
 * @param {import('koa').Context} ctx
 * @param {(visitor: Visitor & Record<string, any>) => void} change
 */
async function updateVisitor(ctx, change) {
  try {
    await ctx.sessionHandler.update((session) => change(visitorOf(session)));
  } catch (error) {
    // Logged out in another tab: the next page says so.
    if (/** @type {{ code?: string }} */ (error).code !== 'ERR_SESSION_GONE') throw error;
  }
}

/**
 * Redirects the browser to a page with GET.
 *
 * @param {import('koa').Context} ctx
 * @param {string} path
 */
function goTo(ctx, path) {
  ctx.redirect(path);
  ctx.status = 303;
}

module.exports = { goTo, updateVisitor, visitorOf };
