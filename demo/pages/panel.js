const { html } = require('../html');
const { businesses } = require('../businesses');
const { explained } = require('./docs');
const { endings } = require('./endings');
const { sessionBars } = require('./session-bars');
const { heard, timeline } = require('./timeline');
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
  const parts = liveParts(view, own);
  return html`<aside class="panel" id="panel" tabindex="-1" aria-labelledby="panel-title" data-own="${own}" data-events="${path === '/' ? '/panel/events' : `${path}events`}">
<div class="panel-head">
  <h2 id="panel-title">Inside the store</h2>
  <p class="as-of">As of ${clock(view.now)}. <a href="${path}">Refresh</a></p>
  <p class="is-live" hidden><span class="dot"></span>live</p>
</div>
<p class="where">Kept ${view.where}</p>
<p id="said" class="hidden" role="status"></p>
<p id="ended" class="notice" hidden>This browser’s session has ended<span class="reason"></span>. <a href="${path}">Reload the page</a></p>
<div class="outage">
<div id="live-timeline">${parts['live-timeline']}</div>
<form method="post" action="/panel/outage" class="away" data-stay aria-labelledby="away-title">
  <p id="away-title">Take the store away</p>
  <input type="hidden" name="path" value="${path}">
  <button name="seconds" value="2">For 2 seconds</button>
  <button name="seconds" value="6">For 6 seconds</button>
</form>
</div>
${writes(path, outcome)}
<div id="live-sessions">${parts['live-sessions']}</div>
</aside>`;
}

/** The parts that change while the page is open, by the ids of their elements. @param {View} view @param {string} own */
function liveParts(view, own) {
  return {
    'live-timeline': timeline(view),
    'live-sessions': html`${heard(view)}
<section aria-labelledby="sessions-title">
  <h3 id="sessions-title">Sessions by prefix</h3>
  ${view.isStale && html`<p class="stale">As last seen at ${clock(view.seenAt)}: the store cannot be read now.</p>`}
  <p class="scale">A full bar is the whole lifetime of the session, or 1&nbsp;kB.</p>
  ${businesses.map((business) => sessionBars(business, view.sessions[business.name], own, view))}
  ${explained('prefixes.md', 'Several applications on one store')}
</section>
${endings(view)}`,
  };
}

module.exports = { liveParts, panelOf };
