const { html } = require('../html');
const { explained } = require('./docs');

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
<p>Fires 24 requests at once at your session${path === '/' && ' in the shop'}, and 24 at one of koa-generic-session, which only gets and
sets. Each reads the session, works for a moment, and writes.</p>
<form method="post" action="${action}" ${path !== '/' && html`data-swap`}><button>Fire 24 writes</button></form>
${outcome && result(outcome)}
${explained('races.md', 'Why parallel requests lose nothing')}
</section>`;
}

/** @param {import('../writes').Outcome} outcome */
function result({ fired, answered, kept, updated, naive, other }) {
  return html`<div class="outcome">
${side('ours', 'koa-evented-session', { fired, answered, kept })}
${other ? side('theirs', 'koa-generic-session 2', { fired, ...other }) : html`<p>koa-generic-session has failed: the store was away.</p>`}
<table>
<thead><tr><th scope="col">Kept of ${fired}</th><th scope="col">evented</th><th scope="col">generic</th></tr></thead>
<tbody>
<tr><th scope="row">a key for each request <code>session.write7 = true</code></th><td>${kept.length}</td><td>${other?.kept.length}</td></tr>
<tr><th scope="row">a counter in <code>update()</code></th><td>${updated}</td><td><span aria-hidden="true">–</span><span class="hidden">has no update()</span></td></tr>
<tr><th scope="row">a counter <code>session.naive += 1</code></th><td>${naive}</td><td>${other?.naive}</td></tr>
</tbody>
</table>
<p><small>The last counter must lose writes, since all requests have read the same number: that is what <code>update()</code> is for.</small></p>
</div>`;
}

/**
 * A square for each write of one middleware, hollow if it was lost.
 *
 * @param {string} whose
 * @param {string} name
 * @param {{ fired: number, answered: number, kept: number[] }} writes
 */
function side(whose, name, { fired, answered, kept }) {
  const [lost, failed] = [answered - kept.length, fired - answered];
  return html`<div class="${whose}">
<p class="sum"><span class="whose">${name}</span> <strong>${fired} fired, ${kept.length} kept</strong>${lost > 0 && html`<strong class="loss">, ${lost} lost</strong>`}${failed > 0 && html`, ${failed} failed with an error`}</p>
<svg class="squares" viewBox="0 0 240 20" aria-hidden="true" focusable="false">
${Array.from({ length: fired }, (_, index) => html`<rect class="${kept.includes(index + 1) ? 'kept' : 'lost'}" x="${index * 10 + 1}" y="1" width="8" height="18" rx="2"/>`)}
</svg>
</div>`;
}

module.exports = { writes };
