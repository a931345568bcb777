/** HTML that needs no escaping. */
class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @type {Record<string, string>} */
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * A template that escapes its values, except those created by `html`. Lists are joined; missing values and `false` are left out.
 *
 * @param {TemplateStringsArray} strings
 * @param {...unknown} values
 */
function html(strings, ...values) {
  return new Html(strings.reduce((text, part, index) => text + asHtml(values[index - 1]) + part));
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function asHtml(value) {
  if (value === undefined || value === null || value === false) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(asHtml).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

module.exports = { Html, html };
