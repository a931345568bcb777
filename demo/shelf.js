const { readForm } = require('./form');
const { goTo, updateVisitor } = require('./visitor');

/**
 * Routes for picking things and putting them back: the cart of the shop, the reading list of the blog.
 *
 * @param {import('@koa/router').Router} router
 * @param {import('./business').Context} context
 */
function shelfRoutes(router, { business }) {
  const home = `/${business.name}/`;

  router.post('/add', async (ctx) => {
    const id = (await readForm(ctx)).get('id') ?? '';
    if (Object.hasOwn(business.things, id)) await updateVisitor(ctx, (visitor) => add(shelfOf(visitor), id, 1));
    // Without a script, the page shows the place where the visitor was.
    goTo(ctx, `${home}#thing-${encodeURIComponent(id)}`);
  });

  router.post('/remove', async (ctx) => {
    const id = (await readForm(ctx)).get('id') ?? '';
    await updateVisitor(ctx, (visitor) => add(shelfOf(visitor), id, -1));
    goTo(ctx, `${home}#shelf`);
  });

  /** @param {Record<string, any>} visitor @returns {Record<string, number>} */
  function shelfOf(visitor) {
    visitor[business.shelf] ??= {};
    return visitor[business.shelf];
  }

  /** @param {Record<string, number>} shelf @param {string} id @param {number} count */
  function add(shelf, id, count) {
    const next = Math.min((Object.hasOwn(shelf, id) ? (shelf[id] ?? 0) : 0) + count, business.most);
    if (next > 0) shelf[id] = next;
    else delete shelf[id];
  }
}

module.exports = { shelfRoutes };
