const { html } = require('../html');
const { duration } = require('./words');

/**
 * The contents of a business' page.
 *
 * @typedef {object} Visit
 * @property {import('../businesses').Business} business
 * @property {import('../visitor').Visitor} visitor
 * @property {string} own the tag of this browser's session
 * @property {import('../sessions-list').Listed[]} sessions all sessions of the same user
 * @property {boolean} hasEnded whether the browser sent the id of a session that is not in the store
 * @property {import('./layout').Html} panel
 */

/** The login form, or the list of the user's sessions. @param {Visit} visit */
function account(visit) {
  return html`<section class="account" id="sessions" aria-labelledby="account-title">
${visit.visitor.user === undefined ? loggedOut(visit) : loggedIn(visit)}
</section>`;
}

/** @param {Visit} visit */
function loggedOut({ business, hasEnded }) {
  return html`<h2 id="account-title">Log in</h2>
${hasEnded && html`<p class="notice">Your session is no longer in the store: it was ended elsewhere, or it expired.</p>`}
<form method="post" action="/${business.name}/login" class="line">
  <label for="user">Name <small>any name works, without a password</small></label>
  <input id="user" name="user" required maxlength="40" autocomplete="username" autocapitalize="words" spellcheck="false">
  <button>Log in</button>
</form>`;
}

/** @param {Visit} visit */
function loggedIn({ business, visitor, own, sessions }) {
  const others = sessions.filter(({ tag }) => tag !== own).length;
  return html`<h2 id="account-title">Hello, ${visitor.user}</h2>
<p>${others === 0 ? 'One browser is' : `${others + 1} browsers are`} logged in with this name.
${others === 0 && 'Open this address in a second browser or a private window, log in with the same name, and come back.'}</p>
<ul class="browsers">
${sessions.map(
  ({ tag, device, since }) => html`<li>
  <div><strong>${device}</strong> <code>${tag}</code><br>
  <small>${tag === own ? 'this browser' : 'another browser'}, for ${duration(Date.now() - since)}</small></div>
  ${
    tag !== own &&
    html`<form method="post" action="/${business.name}/sessions/end">
    <input type="hidden" name="tag" value="${tag}">
    <button class="quiet" aria-label="End session ${tag}">End</button>
  </form>`
  }
</li>`,
)}
</ul>
<div class="row">
  <form method="post" action="/${business.name}/logout"><button>Log out</button></form>
  <form method="post" action="/${business.name}/logout-everywhere"><button class="quiet">Log out everywhere</button></form>
</div>`;
}

module.exports = { account };
