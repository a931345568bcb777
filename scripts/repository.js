const { execFileSync } = require('node:child_process');

/** @type {Record<string, unknown>} */
const manifest = require('../package.json');

// `npm publish` runs this. The package's page on npm resolves the links of README by `repository`, and provenance compares it.
// The CI knows which repository it publishes from, so nobody has to keep it in package.json.
const { CI_PROJECT_URL, GITHUB_REPOSITORY, GITHUB_SERVER_URL, npm_config_dry_run } = process.env;
const address = GITHUB_REPOSITORY
  ? `${GITHUB_SERVER_URL ?? 'https://github.com'}/${GITHUB_REPOSITORY}`
  : CI_PROJECT_URL;

if (manifest['repository'] === undefined) {
  if (address) set(address);
  else explain();
}

/** @param {string} url */
function set(url) {
  execFileSync('npm', ['pkg', 'set', 'repository.type=git', `repository.url=git+${url}.git`], { stdio: 'inherit' });
}

function explain() {
  console.error(
    `${manifest['name']} does not know its repository, so the links of README would lead nowhere on the package's page. ` +
      'Publish from GitHub Actions or GitLab CI, or run\n  npm pkg set repository.type=git repository.url=git+https://github.com/OWNER/NAME.git',
  );
  // A dry run shows what else is wrong.
  if (npm_config_dry_run !== 'true') process.exitCode = 1;
}
