// Keeps the panel up to date. Without this script the pages still work, and the panel shows the state at the time of the request.
(() => {
  const panel = document.getElementById('panel');
  const live = document.getElementById('live');
  const said = document.getElementById('said');
  if (!panel || !live || !said) return;

  const events = `${panel.dataset['events']}?own=${panel.dataset['own']}`;
  /** @type {Record<string, string>} */
  const sentences = {
    available: 'The store is back.',
    pending: 'The store is away. Requests wait for it.',
    unavailable: 'The store is away. Requests fail at once.',
  };
  let state = '';
  /** @type {EventSource | undefined} */
  let source;

  function open() {
    if (source) return;
    source = new EventSource(events);
    source.onmessage = ({ data }) => show(JSON.parse(data));
    source.addEventListener('ended', ({ data }) => tellOfEnd(JSON.parse(data)));
    source.onerror = () => setLive(false);
  }

  function close() {
    source?.close();
    source = undefined;
    setLive(false);
  }

  /** @param {{ html: string, state: string, hasEnded: boolean }} message */
  function show(message) {
    const template = document.createElement('template');
    template.innerHTML = message.html;
    renewChildren(/** @type {HTMLElement} */ (live), template.content);
    // For screen readers, which cannot show the time line: announce only changes.
    if (state && message.state !== state && said) said.textContent = sentences[message.state] ?? '';
    state = message.state;
    if (message.hasEnded) reveal('#ended', true);
    setLive(true);
  }

  /** @param {string} reason */
  function tellOfEnd(reason) {
    const why = panel?.querySelector('#ended .reason');
    if (why) why.textContent = `: ${reason}`;
    reveal('#ended', true);
    if (said) said.textContent = `This browser’s session has ended: ${reason}.`;
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

  // Such a form changes only the live part of the page.
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll('form[data-stay]'))) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
      fetch(form.action, { method: 'POST', body, redirect: 'manual' });
    });
  }

  // Browsers limit connections per host, and a hidden tab needs none.
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', () => document.hidden || open());
  if (!document.hidden) open();
})();
