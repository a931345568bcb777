const { html } = require('../html');

/**
 * The button that fires parallel writes, and their outcome.
 *
 * @param {string} path of the page
 * @param {import('../writes').Outcome | undefined} outcome
 */
function writes(path, outcome) {
  const action = path === '/' ? '/shop/writes' : `${path}writes`;
  return html`<section id="writes" aria-labelledby="writes-title">
<h3 id="writes-title">Parallel writes</h3>
<p>Fires 24 requests at once at your session${path === '/' && ' in the shop'}. All of them read it before the first one writes.</p>
<form method="post" action="${action}"><button>Fire 24 writes</button></form>
${outcome && result(outcome)}
</section>`;
}

/** @param {import('../writes').Outcome} outcome */
function result({ fired, answered, kept, updated, naive }) {
  return html`<div class="outcome">
<p class="sum"><strong>${fired} fired, ${kept.length} kept</strong>${answered < fired && html` <span>${fired - answered} failed with an error</span>`}</p>
<svg class="squares" viewBox="0 0 240 20" aria-hidden="true" focusable="false">
${Array.from({ length: fired }, (_, index) => html`<rect class="${kept.includes(index + 1) ? 'kept' : 'lost'}" x="${(index % 24) * 10 + 1}" y="1" width="8" height="18" rx="2"/>`)}
</svg>
<dl>
  <div><dt>one key per request <code>session.write7 = true</code></dt><dd>${kept.length} of ${fired}</dd></div>
  <div><dt>one counter, incremented in <code>update()</code></dt><dd>${updated} of ${fired}</dd></div>
  <div><dt>one counter, <code>session.naive += 1</code></dt><dd>${naive} of ${fired}</dd></div>
</dl>
<p><small>The last counter must lose writes, since all requests have read the same number. Use <code>update()</code> if the new value depends on the stored one.</small></p>
</div>`;
}

module.exports = { writes };
