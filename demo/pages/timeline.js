const { html } = require('../html');
const { SPAN } = require('../timeline');
const { explained } = require('./docs');
const { clock, fromNow } = require('./words');

const WIDTH = 600;
const HEIGHT = 40;
/** Minimum width of a request: most are too short to be visible. Four pixels on a phone. */
const LEAST = 9;
/** Rows of requests in a lane, and the height of each. */
const ROWS = 6;
const ROW = 6;
/** Seconds between two marks of the axis. */
const STEP = 10;
/** States differ in height, not only in colour. */
const BANDS = { available: 3, pending: HEIGHT / 2, unavailable: HEIGHT, closed: HEIGHT };

/** The first two are events; the third is a `status`, which means that requests no longer wait. */
const WORDS = { available: 'connect', pending: 'disconnect', unavailable: 'unavailable', closed: 'closed' };
const NOW = {
  available: 'The store is available.',
  pending: 'The store is away. Requests wait.',
  unavailable: 'The store is away. Requests fail.',
  closed: 'The demo is shutting down.',
};

/** @typedef {import('../panel').View} View */

/** The recent states of the store as each business saw them, and the requests. @param {View} view */
function timeline(view) {
  const { state, now, awayUntil } = view;
  const seconds = awayUntil && Math.max(0, Math.ceil((awayUntil - now) / 1000));
  return html`<section aria-labelledby="timeline-title" class="timeline">
<div class="head"><h3 id="timeline-title">The last ${SPAN / 1000} seconds</h3>${seconds !== undefined && html` <p>back ${fromNow(seconds * 1000)}</p>`}</div>
<p class="state ${state}"><strong>${NOW[state]}</strong></p>
${/** @type {const} */ (['shop', 'blog']).map((who) => lane(view, who))}
<p class="axis" aria-hidden="true">${marks()}</p>
<ul class="key" aria-label="Key">
  <li class="pending">store away, requests wait</li>
  <li class="unavailable">requests fail</li>
  <li class="ok">a request</li>
  <li class="failed">a failed request</li>
</ul>
</section>`;
}

/** The axis: seconds ago, and at its end the present. */
function marks() {
  const seconds = Array.from({ length: SPAN / 1000 / STEP }, (_, index) => SPAN / 1000 - index * STEP);
  return [...seconds.map((ago) => html`<span>${ago} s</span>`), html`<span>now</span>`];
}

/** @param {View} view @param {'shop' | 'blog'} who */
function lane({ timeline: { changes, requests }, now }, who) {
  const own = changes.filter((change) => change.who === who);
  const bands = own.map(({ at, state }, index) =>
    rect(now, at, own[index + 1]?.at ?? now, HEIGHT - BANDS[state], BANDS[state], state),
  );
  const asked = requests.filter((request) => request.who === who);
  // By its number, which stays the same as earlier requests leave the span: a tick must not change its row.
  const ticks = asked.map(({ number, start, end, ok }) =>
    rect(now, start, end ?? now, 3 + (number % ROWS) * ROW, ROW - 2, end === undefined ? 'open' : ok ? 'ok' : 'failed'),
  );
  return html`<div class="lane ${who}"><span>${who}</span>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="What the ${who} has seen: ${asked.length} requests, ${asked.filter(({ ok }) => !ok).length} failed">${bands}${ticks}</svg></div>`;
}

/**
 * @param {number} now
 * @param {number} from
 * @param {number} to
 * @param {number} y
 * @param {number} height
 * @param {string} name
 */
function rect(now, from, to, y, height, name) {
  const x = (time = now) => Math.max(0, WIDTH * (1 - (now - time) / SPAN));
  if (x(to) <= 0) return undefined;
  const width = Math.max(LEAST, x(to) - x(from));
  return html`<rect class="${name}" x="${Math.min(x(from), WIDTH - LEAST).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${height}"/>`;
}

/** The events that the businesses received, in words. @param {View} view */
function heard({ timeline: { changes } }) {
  /** @type {{ at: number, state: import('../timeline').State, who: string[] }[]} */
  const lines = [];
  for (const { at, state, who } of changes.filter(({ isFirst }) => !isFirst)) {
    const last = lines.at(-1);
    if (last?.state === state) last.who.push(who);
    else lines.push({ at, state, who: [who] });
  }
  return html`<section aria-labelledby="heard-title">
<h3 id="heard-title">Events of the store</h3>
${lines.length === 0 && html`<p class="empty">No disconnect so far.</p>`}
${
  lines.length > 0 &&
  html`<ol class="heard" aria-label="Events of the store, latest first">
${lines
  .slice(-5)
  .reverse()
  .map(
    ({ at, state, who }) =>
      html`<li class="${state}"><time>${clock(at)}</time> <strong>${WORDS[state]}</strong> <span>${who.join(' and ')}</span></li>`,
  )}
</ol>`
}
${explained('outages.md', 'What requests see during an outage')}
</section>`;
}

module.exports = { heard, timeline };
