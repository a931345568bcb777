const { html } = require('../html');
const { layout } = require('./layout');

/** @param {{ panel: import('./layout').Html }} content */
function homePage({ panel }) {
  return layout({
    title: 'Two businesses, one store · koa-evented-session',
    theme: 'home',
    path: '/',
    panel,
    main: html`<h1>Two businesses, one store</h1>
<p class="lead">A shop and a blog keep their sessions in the same place and never see each other’s. Use them like a visitor, and
watch from beside what becomes of the sessions.</p>

<ul class="doors">
  <li class="door shop">
    <h2><a href="/shop/">Leaf &amp; Kettle</a></h2>
    <p>Teas, and a cart that no two tabs can spoil.</p>
    <dl>
      <div><dt>Prefix</dt><dd><code>shop:sess:</code></dd></div>
      <div><dt>Cookie</dt><dd><code>shop.sid</code> on <code>/shop</code></dd></div>
      <div><dt>Lives</dt><dd>15 minutes, rolling</dd></div>
    </dl>
  </li>
  <li class="door blog">
    <h2><a href="/blog/">The Slow Page</a></h2>
    <p>Short reads, and a list of those to keep.</p>
    <dl>
      <div><dt>Prefix</dt><dd><code>blog:sess:</code></dd></div>
      <div><dt>Cookie</dt><dd><code>blog.sid</code> on <code>/blog</code></dd></div>
      <div><dt>Lives</dt><dd>5 minutes, renewed at half</dd></div>
    </dl>
  </li>
</ul>

<h2 id="try">Things to try</h2>
<ol class="steps">
  <li><strong>Fill a cart</strong> in the <a href="/shop/">shop</a>. You need not log in; the session begins with the first thing in it.</li>
  <li><strong>Log in.</strong> Any name will do. What is in the cart stays, under a new session id.</li>
  <li><strong>Open a second browser</strong>, or a private window, on this address, and log in by the same name.
  Each browser now lists both sessions.</li>
  <li><strong>Log out elsewhere.</strong> End the other session from here, then reload there.</li>
  <li><strong>Fire parallel writes</strong> at your session, and count what was kept.</li>
  <li><strong>Take the store away.</strong> For two seconds requests wait; for six they first wait, then fail, then go on as before.</li>
</ol>

<h2 id="processes">Several processes</h2>
<p>With Redis several processes share the sessions. Start a second one beside the first:</p>
<pre tabindex="0"><code>REDIS_URL=redis://localhost:6379 SESSION_SECRET=… PORT=3000 npm start
REDIS_URL=redis://localhost:6379 SESSION_SECRET=… PORT=3001 npm start</code></pre>
<p>Who is logged in on one is logged in on the other. Taking the store away concerns the one process that you ask: it drops its
connection, and Redis itself is left alone.</p>`,
  });
}

module.exports = { homePage };
