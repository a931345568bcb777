// Where systems keep what the set-up looks for. A spec of the set-up puts an empty machine in its place.
module.exports = {
  /** Where packages install servers outside the PATH; `*` stands for a version. */
  programFolders: [
    '/usr/bin',
    '/usr/sbin',
    '/usr/libexec',
    '/usr/local/bin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
    '/usr/lib/postgresql/*/bin',
    '/usr/pgsql-*/bin',
    '/usr/libexec/postgresql*',
    '/usr/local/opt/postgresql*/bin',
    '/opt/homebrew/opt/postgresql*/bin',
  ],
  /** Debian asks this program whether a package may start its service. */
  servicePolicy: '/usr/sbin/policy-rc.d',
};
