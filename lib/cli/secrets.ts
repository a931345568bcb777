/** The environment variables that hold secrets. */
export const SECRET_VARIABLES = {
  url: 'KOA_SESSION_URL',
  password: 'KOA_SESSION_PASSWORD',
  sealingKeys: 'KOA_SESSION_SEALING_KEYS',
  aclPassword: 'KOA_SESSION_ACL_PASSWORD',
} as const;

const HIDDEN = '[secret]';
/** Shorter texts are ordinary words. */
const SHORTEST = 3;

/** Removes secrets from what a person will read: a driver's error may contain them. */
export function hiding(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const { url, password, sealingKeys, aclPassword } = SECRET_VARIABLES;
  const known = [env[url], passwordIn(env[url]), env[password], env[aclPassword], ...secretsIn(env[sealingKeys])];
  const secrets = known.flatMap((one) => (one === undefined || one.length < SHORTEST ? [] : [one, decoded(one)]));
  const longestFirst = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
}

/** The secrets in a variable that holds several, separated by commas or white space. */
export function secretsIn(text: string | undefined): string[] {
  return text?.split(/[\s,]+/).filter((secret) => secret !== '') ?? [];
}

/** As it stands in the url, percent signs and all. */
function passwordIn(url: string | undefined): string | undefined {
  return /:\/\/[^/@]*?:([^/]*)@/.exec(url ?? '')?.[1];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
