const { html } = require('../html');
const { account } = require('./account');
const { layout } = require('./layout');
const { price } = require('./words');

/** @param {import('./account').Visit} visit */
function shopPage(visit) {
  const { business, visitor, panel } = visit;
  return layout({
    title: `${business.title}, a shop`,
    theme: 'shop',
    path: '/shop/',
    panel,
    main: html`<p class="kicker">The shop</p>
<h1>${business.title}</h1>
<p class="lead">Four teas, priced per 100 g. Sessions here live ${business.lifetime}.</p>
<ul class="teas">
${Object.entries(business.things).map(
  ([id, { title, text, price: cents = 0, colour }]) => html`<li id="thing-${id}">
  ${cup(colour)}
  <div>
    <h2>${title}</h2>
    <p>${text}</p>
    <p class="price">${price(cents)}${countOf(visitor, id) > 0 && html` <span class="picked">${countOf(visitor, id)} in cart</span>`}</p>
  </div>
  <form method="post" action="/shop/add" data-swap>
    <input type="hidden" name="id" value="${id}">
    <button class="quiet" aria-label="Add ${title} to the cart">Add</button>
  </form>
</li>`,
)}
</ul>
<section id="shelf" tabindex="-1" aria-labelledby="shelf-title">
<h2 id="shelf-title">Your cart</h2>
${cart(business, visitor.cart ?? {})}
</section>
${account(visit)}`,
  });
}

/**
 * @param {import('../businesses').Business} business
 * @param {Record<string, number>} picked
 */
function cart({ things }, picked) {
  const lines = Object.entries(picked).filter(([id]) => Object.hasOwn(things, id));
  if (lines.length === 0)
    return html`<p class="empty" data-says="Your cart is empty.">Nothing yet. Add a tea, and a session begins.</p>`;
  const cost = (/** @type {string} */ id) => things[id]?.price ?? 0;
  const total = lines.reduce((sum, [id, count]) => sum + cost(id) * count, 0);
  const count = lines.reduce((sum, [, each]) => sum + each, 0);
  return html`<table class="cart" data-says="In your cart: ${count}, for ${price(total)}.">
<thead><tr><th scope="col">Tea</th><th scope="col">Count</th><th scope="col">Price</th><th><span class="hidden">Change</span></th></tr></thead>
<tbody>
${lines.map(
  ([id, count]) => html`<tr>
  <th scope="row">${things[id]?.title}</th><td>${count}</td><td>${price(cost(id) * count)}</td>
  <td><form method="post" action="/shop/remove" data-swap>
    <input type="hidden" name="id" value="${id}">
    <button class="quiet" aria-label="Less ${things[id]?.title}">Less</button>
  </form></td>
</tr>`,
)}
</tbody>
<tfoot><tr><th scope="row">Total</th><td></td><td>${price(total)}</td><td></td></tr></tfoot>
</table>`;
}

/** @param {import('../visitor').Visitor} visitor @param {string} id */
function countOf({ cart = {} }, id) {
  return Object.hasOwn(cart, id) ? (cart[id] ?? 0) : 0;
}

/** A cup of tea, from above. @param {string | undefined} colour */
function cup(colour) {
  return html`<svg class="cup" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
<circle class="saucer" cx="30" cy="32" r="29"/>
<path class="china" d="M44 26h9a6 6 0 0 1 0 12h-9z"/>
<circle class="china" cx="30" cy="32" r="20"/>
<circle cx="30" cy="32" r="16.5" fill="${colour}"/>
<path class="shine" d="M19 28a12 12 0 0 1 11-8"/>
</svg>`;
}

module.exports = { shopPage };
