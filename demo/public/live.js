// Keeps the panel up to date. Without this script the pages still work, and the panel shows the state at the time of the request.
(() => {
  const panel = document.getElementById('panel');
  const said = document.getElementById('said');
  if (!panel || !said) return;

  /** @type {Record<string, string>} */
  const sentences = {
    available: 'The store is back.',
    pending: 'The store is away. Requests wait.',
    unavailable: 'The store is away. Requests fail.',
  };
  let state = '';
  /** @type {EventSource | undefined} */
  let source;

  function open() {
    if (source) return;
    source = new EventSource(`${panel?.dataset['events']}?own=${panel?.dataset['own']}`);
    source.onmessage = ({ data }) => show(JSON.parse(data));
    source.addEventListener('ended', ({ data }) => tellOfEnd(JSON.parse(data)));
    source.onerror = () => setLive(false);
  }

  function close() {
    source?.close();
    source = undefined;
    setLive(false);
  }

  /** @param {{ parts: [string, string][], state: string, hasEnded: boolean }} message */
  function show(message) {
    for (const [id, html] of message.parts) {
      const template = document.createElement('template');
      template.innerHTML = html;
      renewChildren(/** @type {HTMLElement} */ (document.getElementById(id)), template.content);
    }
    // For screen readers, which cannot show the time line: announce only changes.
    if (state && message.state !== state) say(sentences[message.state]);
    state = message.state;
    if (message.hasEnded) reveal('#ended', true);
    setLive(true);
  }

  /** @param {string} reason */
  function tellOfEnd(reason) {
    const why = panel?.querySelector('#ended .reason');
    if (why) why.textContent = `: ${reason}`;
    reveal('#ended', true);
    say(`This browser’s session has ended: ${reason}.`);
  }

  /** @param {string | undefined} sentence for screen readers */
  function say(sentence = '') {
    if (said) said.textContent = sentence;
  }

  /** @param {boolean} isLive */
  function setLive(isLive) {
    reveal('.is-live', isLive);
    reveal('.as-of', !isLive);
  }

  /** @param {string} selector @param {boolean} isShown */
  function reveal(selector, isShown) {
    panel?.querySelector(selector)?.toggleAttribute('hidden', !isShown);
  }

  /**
   * Changes only what differs, so that readers keep their place and their selection.
   *
   * @param {ParentNode & Node} parent
   * @param {Node} wanted
   */
  function renewChildren(parent, wanted) {
    const there = [...parent.childNodes];
    const next = [...wanted.childNodes];
    next.forEach((node, index) => {
      const old = there[index];
      if (!old) parent.append(node);
      else if (old.nodeName === node.nodeName) renew(old, node);
      else old.replaceWith(node);
    });
    for (const surplus of there.slice(next.length)) surplus.remove();
  }

  /** @param {ChildNode} old @param {ChildNode} node */
  function renew(old, node) {
    if (!(old instanceof Element && node instanceof Element)) {
      if (old.nodeValue !== node.nodeValue) old.nodeValue = node.nodeValue;
      return;
    }
    renewAttributes(old, node);
    renewChildren(old, node);
  }

  /** @param {Element} old @param {Element} node */
  function renewAttributes(old, node) {
    for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of node.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }

  /** One after the other: the second write of a new visitor belongs to the session that the first one begins. */
  let sent = Promise.resolve();

  // Forms work without this script too: the browser then loads the page again, and loses the place on it.
  document.addEventListener('submit', (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { stay, swap } = form.dataset;
    if (stay === undefined && swap === undefined) return;
    event.preventDefault();
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
    // Such a form changes only the live part of the page.
    if (stay !== undefined) fetch(form.action, { method: 'POST', body, redirect: 'manual' });
    else sent = sent.then(() => send(form, body));
  });

  /** @param {HTMLFormElement} form @param {URLSearchParams} body */
  async function send(form, body) {
    form.setAttribute('aria-busy', 'true');
    try {
      const response = await fetch(form.action, { method: 'POST', body });
      swap(new DOMParser().parseFromString(await response.text(), 'text/html'));
    } catch {
      // The demo is gone: the browser says so better.
      form.submit();
    } finally {
      form.removeAttribute('aria-busy');
    }
  }

  /** Shows the page in place of the present one, which stays where it is. @param {Document} page */
  function swap(page) {
    const focused = document.activeElement;
    close();
    document.title = page.title;
    for (const id of ['main', 'panel']) {
      const [there, next] = [document, page].map((each) => each.getElementById(id));
      if (there && next) renew(there, next);
    }
    // The button that was pressed may be gone with its row.
    if (focused && !focused.isConnected) document.getElementById('shelf')?.focus({ preventScroll: true });
    say(document.querySelector('#shelf [data-says]')?.getAttribute('data-says') ?? document.title);
    open();
  }

  // Browsers limit connections per host, and a hidden tab needs none.
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', () => document.hidden || open());
  if (!document.hidden) open();
})();
