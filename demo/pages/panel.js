const { html } = require('../html');
const { businesses } = require('../businesses');
const { endings } = require('./endings');
const { sessionBars } = require('./session-bars');
const { timeline } = require('./timeline');
const { clock } = require('./words');
const { writes } = require('./writes');

/** @typedef {import('../panel').View} View */

/**
 * The panel beside each page. It works without a script; the script keeps the live part up to date.
 *
 * @param {View} view
 * @param {{ own: string, path: string, outcome?: import('../writes').Outcome | undefined }} page `own` is the tag of this browser's session
 */
function panelOf(view, { own, path, outcome }) {
  return html`<aside class="panel" id="panel" tabindex="-1" aria-labelledby="panel-title" data-own="${own}" data-events="${path === '/' ? '/panel/events' : `${path}events`}">
<div class="panel-head">
  <h2 id="panel-title">Inside the store</h2>
  <p class="as-of">As of ${clock(view.now)}. <a href="${path}">Refresh</a></p>
  <p class="is-live" hidden><span class="dot"></span>live</p>
</div>
<p class="where">Kept ${view.where}</p>
<p id="said" class="hidden" role="status"></p>
<p id="ended" class="notice" hidden>This browser’s session has ended<span class="reason"></span>. <a href="${path}">Reload the page</a></p>
<div id="live">${livePart(view, own)}</div>
<section aria-labelledby="away-title">
  <h3 id="away-title">Take the store away</h3>
  <p>Requests wait up to 2.5 seconds. After that they fail with a 503, until the store is back.</p>
  <form method="post" action="/panel/outage" class="row" data-stay>
    <input type="hidden" name="path" value="${path}">
    <button name="seconds" value="2">For 2 seconds</button>
    <button name="seconds" value="6">For 6 seconds</button>
  </form>
</section>
${writes(path, outcome)}
</aside>`;
}

/** The part that changes while the page is open. @param {View} view @param {string} own */
function livePart(view, own) {
  return html`${timeline(view)}
<section aria-labelledby="sessions-title">
  <h3 id="sessions-title">Sessions by prefix</h3>
  ${view.isStale && html`<p class="stale">As last seen at ${clock(view.seenAt)}: the store cannot be read now.</p>`}
  <p class="scale">A full bar is the whole lifetime of the session, or 1 kB.</p>
  ${businesses.map((business) => sessionBars(business, view.sessions[business.name], own, view))}
</section>
${endings(view)}`;
}

module.exports = { livePart, panelOf };
