const { html } = require('../html');
const { layout } = require('./layout');

/**
 * The page for requests that fail because the store is unavailable.
 *
 * @param {{ business: import('../businesses').Business, panel: import('./layout').Html }} content
 */
function failurePage({ business, panel }) {
  return layout({
    title: `The store is away · ${business.title}`,
    theme: business.name,
    path: `/${business.name}/`,
    panel,
    main: html`<h1>One moment, please</h1>
<p class="lead">The store is away, and this request has stopped waiting. Your session and its cookie are unchanged: you
have not been logged out.</p>
<p>This page came with status 503 and <code>Retry-After: 5</code>, which tells clients, crawlers and load balancers to try again.
The time line shows when the store is back.</p>
<p><a class="button" href="/${business.name}/">Try again</a></p>`,
  });
}

module.exports = { failurePage };
