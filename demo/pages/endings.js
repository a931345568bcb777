const { html } = require('../html');
const { explained } = require('./docs');
const { clock } = require('./words');

/** @type {Record<import('../endings').Reason, string>} */
const REASONS = {
  logout: 'logged out',
  user: 'logged out from another browser',
  limit: 'too many logins',
  regenerated: 'another login took its place',
  invalid: 'refused',
  expired: 'expired',
  operator: 'logged out by an operator',
  gone: 'no longer in the store',
};

/** The sessions that have ended, in this process or another. @param {import('../panel').View} view */
function endings({ endings: latest }) {
  return html`<section aria-labelledby="endings-title">
<h3 id="endings-title">Sessions that have ended</h3>
${latest.length === 0 && html`<p class="empty">None so far. Log in with one name in two browsers, and end one from the other.</p>`}
${
  latest.length > 0 &&
  html`<ol class="ended" aria-label="Sessions that have ended, latest first">
${latest.map(
  ({ at, tag, user, reason }) =>
    html`<li><time>${clock(at)}</time> <strong>session:ended</strong> <span>${user} <code>${tag}</code> ${REASONS[reason]}</span></li>`,
)}
</ol>`
}
${explained('websockets.md', 'How open pages learn of it')}
</section>`;
}

module.exports = { REASONS, endings };
