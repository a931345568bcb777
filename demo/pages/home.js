const { html } = require('../html');
const { openSessions } = require('../sessions');
const { layout } = require('./layout');

/** As it stands in its file, and runs. */
const SOURCE = `const openSessions = ${openSessions};`;

/** @param {{ panel: import('./layout').Html }} content */
function homePage({ panel }) {
  return layout({
    title: 'koa-evented-session: sessions that lose nothing',
    theme: 'home',
    path: '/',
    panel,
    main: html`<h1>Sessions that lose nothing</h1>
<p class="lead">koa-evented-session is session middleware for Koa: parallel requests keep each other’s changes, a logout is final, and
requests wait for a store that is away for a moment. A shop and a blog run on it here, in one store, and the panel shows what goes on inside.</p>
<figure class="made">
<figcaption>These ten lines make the sessions of both (<code>demo/sessions.js</code>)</figcaption>
<pre tabindex="0"><code>${SOURCE}</code></pre>
</figure>
<p>Handlers then write <code>ctx.session.cart</code>, and that is all. <a href="/README.md">The README</a> says how to start. Or go in and try:</p>

<ul class="doors">
  <li class="door shop">
    <h2><a href="/shop/">Leaf &amp; Kettle</a></h2>
    <p>Teas, and a cart that works in two tabs at once.</p>
    <dl>
      <div><dt>Prefix</dt><dd><code>shop:sess:</code></dd></div>
      <div><dt>Cookie</dt><dd><code>shop.sid</code> on <code>/shop</code></dd></div>
      <div><dt>Lifetime</dt><dd>15 minutes, rolling</dd></div>
    </dl>
  </li>
  <li class="door blog">
    <h2><a href="/blog/">The Slow Page</a></h2>
    <p>Short texts, and a reading list.</p>
    <dl>
      <div><dt>Prefix</dt><dd><code>blog:sess:</code></dd></div>
      <div><dt>Cookie</dt><dd><code>blog.sid</code> on <code>/blog</code></dd></div>
      <div><dt>Lifetime</dt><dd>5 minutes, renewed after half</dd></div>
    </dl>
  </li>
</ul>

<h2 id="try">Things to try</h2>
<ol class="steps">
  <li><strong>Fill a cart</strong> in the <a href="/shop/">shop</a>. You don’t have to log in; the session starts with the first tea.</li>
  <li><strong>Log in.</strong> Use any name. The cart is kept, under a new session id.</li>
  <li><strong>Open a second browser</strong>, or a private window, at this address, and log in with the same name.
  Each browser now lists both sessions.</li>
  <li><strong>Log out elsewhere.</strong> End the other session here: the panel shows <code>session:ended</code>, and the page there says so.</li>
  <li><strong>Fire parallel writes</strong> at your session, and compare what is kept with what koa-generic-session loses.</li>
  <li><strong>Take the store away.</strong> During two seconds, requests wait. During six, they first wait and then fail; afterwards, they work as before.</li>
</ol>

<h2 id="processes">Several processes</h2>
<p>With Redis, several processes share the sessions. Start two of them:</p>
<pre tabindex="0"><code>REDIS_URL=redis://localhost:6379 SESSION_SECRET=… PORT=3000 npm start
REDIS_URL=redis://localhost:6379 SESSION_SECRET=… PORT=3001 npm start</code></pre>
<p>If you log in on one, you are logged in on the other. Taking the store away affects only the process that you use: it drops
its connection, and Redis itself keeps running.</p>`,
  });
}

module.exports = { homePage };
