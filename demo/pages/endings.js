const { html } = require('../html');
const { clock } = require('./words');

/** The sessions that were ended from another browser. @param {import('../panel').View} view */
function endings({ endings: latest }) {
  return html`<section aria-labelledby="endings-title">
<h3 id="endings-title">Sessions ended from elsewhere</h3>
${latest.length === 0 && html`<p class="empty">None so far. Log in with one name in two browsers, and end one from the other.</p>`}
${
  latest.length > 0 &&
  html`<ol class="ended" aria-label="Sessions ended from elsewhere, latest first">
${latest.map(
  ({ at, tag, user }) =>
    html`<li><time>${clock(at)}</time> <strong>session:ended</strong> <span>${user} <code>${tag}</code></span></li>`,
)}
</ol>`
}
</section>`;
}

module.exports = { endings };
