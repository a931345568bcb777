const { html } = require('../html');
const { layout } = require('./layout');

/**
 * While the store is away.
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
<p class="lead">The store is away, and this request has waited long enough. Your session and its cookie are as they were: you
have not been logged out.</p>
<p>This page came with status 503 and <code>Retry-After: 5</code>, which tells browsers, crawlers and load balancers to come again.
The time line shows when the store is back.</p>
<p><a class="button" href="/${business.name}/">Try again</a></p>`,
  });
}

module.exports = { failurePage };
