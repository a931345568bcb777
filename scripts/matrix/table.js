const [start, end] = ['<!-- matrix -->', '<!-- /matrix -->'];

/**
 * What a run of specs with a variant has shown.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} versions
 * @property {string} node
 * @property {string} specs
 * @property {number} passed
 * @property {number} failed
 * @property {string} date
 */

const head = ['With', 'Versions', 'On Node', 'Specs', 'Passed', 'Failed', 'Date'];

/** @param {(string | number)[]} cells */
const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;

/**
 * Replaces the row of that name in the table of a page. All others stay, in the order of `names`; one that is missing says so.
 *
 * @param {string} page
 * @param {readonly string[]} names those of all variants; a row with another name is dropped
 * @param {Row} row
 */
function withRow(page, names, row) {
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`Expected ${start} and ${end} around the table`);
  const rows = new Map(
    page
      .slice(from, to)
      .split('\n')
      .map((text) => [/^\| ([^|]+) \|/.exec(text)?.[1] ?? '', text]),
  );
  const { name, versions, node, specs, passed, failed, date } = row;
  rows.set(name, line([name, versions, node, specs, passed, failed, date]));
  const lines = names.map((each) => rows.get(each) ?? line([each, '', '', '', '', '', 'not run yet']));
  const table = [line(head), `|${'---|'.repeat(head.length)}`, ...lines].join('\n');
  return `${page.slice(0, from)}${start}\n\n${table}\n\n${page.slice(to)}`;
}

module.exports = { withRow };
