import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../helpers/programs/node-program';

const { peerDependencies, engines } = require('../../package.json') as {
  peerDependencies: Record<string, string>;
  engines: { node: string };
};
const { nodes, peers, variants } =
  require('../../scripts/matrix/variants') as typeof import('../../scripts/matrix/variants');
const { withRow } = require('../../scripts/matrix/table') as typeof import('../../scripts/matrix/table');

/** The first versions of a range such as `^4.16.0 || ^5.0.0`. */
const firstOf = (range: string) => range.split('||').map((part) => part.replace(/[^\d.]/g, ''));
const setsOf = (name: string) =>
  Object.values(peers.find(({ peer }) => peer === name)?.sets ?? {}).flatMap(Object.values);

describe('npm run test:matrix', () => {
  it.each(Object.entries(peerDependencies))(
    'tries the first and the last version of each major version: %s %s',
    (name, range) => {
      const majors = firstOf(range).map((version) => version.split('.')[0]);
      const last = range.startsWith('>=') ? ['latest'] : majors;
      expect(setsOf(name)).toEqual(expect.arrayContaining([...firstOf(range), ...last]));
    },
  );

  it('tries the oldest Node that the package admits', () => {
    expect(
      nodes.filter((version) => firstOf(engines.node).some((first) => version.startsWith(`${first}.`))),
    ).toHaveLength(1);
  });

  it('replaces its row in the page, and keeps the others in the order of the variants', () => {
    const page = readFileSync(join(root, 'docs/versions.md'), 'utf8');
    const names = variants.map(({ name }) => name);
    const row = { versions: '1.2.3', node: '20.1.0', specs: '`a|b`', passed: 7, failed: 0, date: '2030-01-01' };
    const [first = '', second = ''] = names;
    const both = withRow(withRow(page, names, { ...row, name: second }), names, { ...row, name: first });
    const rows = both.split('\n').filter((line) => line.startsWith('| ') && line.includes('2030-01-01'));
    const line = (name: string) => `| ${name} | 1.2.3 | 20.1.0 | \`a\\|b\` | 7 | 0 | 2030-01-01 |`;
    expect(rows).toEqual([line(first), line(second)]);
    expect(withRow(both, names, { ...row, name: second })).toBe(both);
    expect(both.split('<!-- /matrix -->')[1]).toBe(page.split('<!-- /matrix -->')[1]);
  });

  it('refuses a page without a place for the table', () => {
    expect(() =>
      withRow('# Versions', [], { name: '', versions: '', node: '', specs: '', passed: 0, failed: 0, date: '' }),
    ).toThrow('Expected <!-- matrix --> and <!-- /matrix --> around the table');
  });
});
