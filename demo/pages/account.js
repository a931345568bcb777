const { html } = require('../html');
const { explained } = require('./docs');
const { fromNow } = require('./words');

/**
 * The contents of a business' page.
 *
 * @typedef {object} Visit
 * @property {import('../businesses').Business} business
 * @property {import('../visitor').Visitor} visitor
 * @property {import('koa-evented-session').UserSession[]} sessions all sessions of the same user
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
  <input id="user" name="user" required pattern=".*\\S.*" title="at least one character that is not a space" maxlength="40" autocomplete="username" autocapitalize="words" spellcheck="false">
  <button>Log in</button>
</form>`;
}

/** @param {Visit} visit */
function loggedIn({ business, visitor, sessions }) {
  const others = sessions.filter(({ isCurrent }) => !isCurrent).length;
  return html`<h2 id="account-title">Hello, ${visitor.user}</h2>
<p>${others === 0 ? 'One browser is' : `${others + 1} browsers are`} logged in with this name.
${others === 0 && 'Open this address in a second browser or a private window, log in with the same name, and come back.'}</p>
<ul class="browsers">
${sessions.map((each) => browser(business, each))}
</ul>
<div class="row">
  <form method="post" action="/${business.name}/logout"><button>Log out</button></form>
  ${others > 0 && html`<form method="post" action="/${business.name}/sessions/end-others" data-swap><button class="quiet">End all others</button></form>`}
  <form method="post" action="/${business.name}/logout-everywhere"><button class="quiet">Log out everywhere</button></form>
</div>
${explained('users.md', 'How the sessions of a user are listed and ended')}`;
}

/** @param {import('../businesses').Business} business @param {import('koa-evented-session').UserSession} session */
function browser({ name, seen }, { handle, device, createdAt, lastSeenAt, isCurrent }) {
  const [began, used] = [createdAt, lastSeenAt].map((time) => fromNow(time.getTime() - Date.now()));
  return html`<li>
  <div><strong>${device}</strong> ${isCurrent && html`<span class="badge">this browser</span>`}<br>
  <small>began ${began}${!isCurrent && html`, <span>${seen} ${used}</span>`}</small></div>
  ${
    !isCurrent &&
    html`<form method="post" action="/${name}/sessions/end" data-swap>
    <input type="hidden" name="handle" value="${handle}">
    <button class="quiet" aria-label="End the session of ${device}, ${seen} ${used}">End</button>
  </form>`
  }
</li>`;
}

module.exports = { account };
