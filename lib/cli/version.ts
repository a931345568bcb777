/** The version of this package. */
export function packageVersion(): string {
  return (require('../../package.json') as { version: string }).version;
}
