const { html } = require('../html');
const { account } = require('./account');
const { layout } = require('./layout');

/** @param {import('./account').Visit} visit */
function blogPage(visit) {
  const { business, visitor, panel } = visit;
  const saved = visitor.saved ?? {};
  return layout({
    title: `${business.title}, a blog`,
    theme: 'blog',
    path: '/blog/',
    panel,
    main: html`<p class="kicker">The blog</p>
<h1>${business.title}</h1>
<p class="lead">Three short texts about sessions. Sessions here live ${business.lifetime}.</p>
<div class="posts">
${Object.entries(business.things).map(
  ([id, { title, text }]) => html`<article id="thing-${id}" aria-labelledby="post-${id}">
  <h2 id="post-${id}">${title}</h2>
  <p class="text">${text}</p>
  <div class="row">
    ${
      Object.hasOwn(saved, id)
        ? html`<p class="kept">Kept for later</p>`
        : html`<form method="post" action="/blog/add" data-swap>
      <input type="hidden" name="id" value="${id}">
      <button class="quiet" aria-label="Keep for later: ${title}">Keep for later</button>
    </form>`
    }
  </div>
</article>`,
)}
</div>
<section id="shelf" tabindex="-1" aria-labelledby="shelf-title">
<h2 id="shelf-title">Your reading list</h2>
${list(business, saved)}
</section>
${account(visit)}`,
  });
}

/**
 * @param {import('../businesses').Business} business
 * @param {Record<string, number>} saved
 */
function list({ things }, saved) {
  const kept = Object.keys(saved).filter((id) => Object.hasOwn(things, id));
  if (kept.length === 0)
    return html`<p class="empty" data-says="Your reading list is empty.">Nothing yet. Keep a text for later, and a session begins.</p>`;
  return html`<ul class="reads" data-says="On your reading list: ${kept.length}.">
${kept.map(
  (id) => html`<li><a href="#post-${id}">${things[id]?.title}</a>
  <form method="post" action="/blog/remove" data-swap>
    <input type="hidden" name="id" value="${id}">
    <button class="quiet" aria-label="Remove ${things[id]?.title}">Remove</button>
  </form></li>`,
)}
</ul>`;
}

module.exports = { blogPage };
