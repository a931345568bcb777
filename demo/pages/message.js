const { html } = require('../html');
const { layout } = require('./layout');

/** The page for any other error. @param {string} message */
function messagePage(message) {
  return layout({
    title: 'Error',
    theme: 'home',
    main: html`<h1>This did not work</h1>
<p class="lead">${message.replace(/^./, (first) => first.toUpperCase())}.</p>
<p><a class="button" href="/">Go to the overview</a></p>`,
  });
}

module.exports = { messagePage };
