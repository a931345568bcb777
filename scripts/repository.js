const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** @type {Record<string, unknown>} */
const manifest = require('../package.json');

// `npm publish` runs this. The package's page on npm resolves the links of README by `repository`, and provenance compares it.
// The CI knows which repository it publishes from, so nobody has to keep it in package.json.
const { GITHUB_ACTIONS, GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITLAB_CI, CI_PROJECT_URL } = process.env;
const ofGitLab = GITLAB_CI ? CI_PROJECT_URL : undefined;
const address = GITHUB_ACTIONS ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}` : ofGitLab;
const isDryRun = process.env['npm_config_dry_run'] === 'true';

if (!manifest['repository']) {
  if (address === undefined) explain();
  else if (!isDryRun) write({ type: 'git', url: `git+${address}.git` });
}

/** @param {object} repository */
function write(repository) {
  writeFileSync(join(__dirname, '../package.json'), `${JSON.stringify({ ...manifest, repository }, null, 2)}\n`);
}

function explain() {
  if (isDryRun) return console.error('The repository is not known here. GitHub Actions and GitLab CI know it.');
  console.error(
    "The repository is not known, so the links of README would lead nowhere on the package's page.\n" +
      'Publish from GitHub Actions or GitLab CI, which know it. On another machine, run\n' +
      '  npm pkg set repository.type=git repository.url=git+https://github.com/OWNER/NAME.git\n' +
      '  npm publish --no-provenance',
  );
  process.exitCode = 1;
}
