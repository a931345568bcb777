const STYLE = `
  :root { color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif; }
  body { max-width: 30rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
  form { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1rem 0; align-items: center; }
  input, button { font: inherit; padding: 0.5rem 0.75rem; min-width: 0; }
  input { flex: 1; }`;

/** @type {Record<string, string>} */
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/**
 * @param {string} title
 * @param {string} content HTML
 */
function page(title, content) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
<h1>${escapeHtml(title)}</h1>
${content}
</html>
`;
}

/** @param {{ name: string, user: string | undefined, count: number }} visit */
function homePage({ name, user, count }) {
  if (!user) {
    return page(
      `The ${name}`,
      `<p>You are not logged in. Any name will do.</p>
<form method="post" action="/login">
  <label for="user">Name</label>
  <input id="user" name="user" required maxlength="40" autocomplete="username">
  <button>Log in</button>
</form>`,
    );
  }
  return page(
    `The ${name}`,
    `<p>Hello <strong>${escapeHtml(user)}</strong>, your count is <strong>${count}</strong>.</p>
<form method="post" action="/count"><button>Count</button></form>
<form method="post" action="/logout"><button>Log out</button></form>`,
  );
}

/** @param {string} name */
function failurePage(name) {
  return page(`The ${name}`, '<p>We cannot reach your session right now. Please try again in a moment.</p>');
}

module.exports = { failurePage, homePage };
