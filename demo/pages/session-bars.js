const { html } = require('../html');
const { fromNow, size } = require('./words');

/** Maximum number of sessions shown per prefix. */
const MOST = 12;
/** Bytes of a full bar. */
const FULL = 1000;

/**
 * The sessions under a prefix, each with its age, remaining time and size.
 *
 * @param {import('../businesses').Business} business
 * @param {import('../sessions-list').Listed[]} sessions
 * @param {string} own
 * @param {import('../panel').View} view
 */
function sessionBars({ name, prefix, ttl }, sessions, own, { now, seenAt }) {
  const hidden = sessions.length - MOST;
  return html`<div class="prefix ${name}">
<h4><code>${prefix}</code> <span>${sessions.length} ${sessions.length === 1 ? 'session' : 'sessions'}</span></h4>
<ul class="sessions" role="list">
${sessions.slice(0, MOST).map(({ tag, user, since, left, bytes }) => {
  const age = now - since;
  const rest = Math.max(0, left - (now - seenAt));
  return html`<li data-tag="${tag}" ${tag === own && html`class="own"`}>
<p class="who"><strong>${user ?? 'a visitor'}</strong> <code>${tag}</code> ${tag === own && html`<span class="badge">this browser</span>`}</p>
<dl>
${bar('age', 'began', fromNow(-age), age / ttl)}
${bar('left', 'ends', fromNow(rest), rest / ttl)}
${bar('size', 'size', size(bytes), bytes / FULL)}
</dl>
</li>`;
})}
</ul>
${sessions.length === 0 && html`<p class="empty">No session yet.</p>`}
${hidden > 0 && html`<p class="empty">and ${hidden} more</p>`}
</div>`;
}

/**
 * @param {string} what
 * @param {string} label
 * @param {string} value
 * @param {number} share filled part of the bar, from 0 to 1
 */
function bar(what, label, value, share) {
  const width = (100 * Math.min(1, Math.max(0.01, share))).toFixed(1);
  return html`<div class="${what}"><dt>${label}</dt><dd><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect width="${width}" height="6"/></svg> <span>${value}</span></dd></div>`;
}

module.exports = { sessionBars };
