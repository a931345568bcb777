import { CLIENTS, type Needs } from '../acl/needed';
import { aclLine, aclRules } from '../acl/rules';
import { suggestion } from '../arguments';
import type { Command } from '../command';
import { EXIT, usageError } from '../exits';
import type { Given } from '../options';
import { SECRET_VARIABLES } from '../secrets';

const DEFAULT_PREFIX = 'koa:sess:';

/** Prints the command that makes a Redis user for a prefix. */
export const acl: Command = {
  name: 'acl',
  summary: 'print the line that makes a Redis user for this prefix alone',
  about: [
    'Prints the ACL SETUSER line for a Redis user who can use the keys of this prefix',
    'and no others, with exactly the commands that the options need. Connects nowhere.',
    `Put the password into ${SECRET_VARIABLES.aclPassword}: the line has its SHA-256.`,
    'Without it, the user keeps the passwords it has. Each server of a Cluster needs',
    'the line.',
  ],
  options: ['prefix', 'name', 'client', 'db', 'cluster', 'user-index', 'broadcast-endings', 'walking', 'operator'],
  async run(given, io) {
    const prefix = given.prefix ?? DEFAULT_PREFIX;
    expectPlain('--prefix', prefix);
    const name = given.name ?? nameFor(prefix, given);
    expectPlain('--name', name);
    const password = io.env[SECRET_VARIABLES.aclPassword] || undefined;
    const rules = aclRules(prefix, needsOf(given), password);
    const line = aclLine(name, rules);
    if (password === undefined) {
      io.err(`The line sets no password, which a new user needs: put it into ${SECRET_VARIABLES.aclPassword}\n`);
    }
    io.out(given.json ? `${JSON.stringify({ user: name, rules, line })}\n` : `${line}\n`);
    return EXIT.done;
  },
};

function needsOf(given: Given): Needs {
  const client = CLIENTS.find((one) => one === (given.client ?? CLIENTS[0]));
  if (client === undefined) {
    throw usageError(
      `--client is ${CLIENTS.join(', ')}${suggestion(String(given.client), CLIENTS, '') || `, not ${given.client}`}`,
    );
  }
  if (given.cluster && given.db) throw usageError('A Cluster has no numbered databases: leave out --db');
  const isOperator = given.operator === true;
  const indexesUsers = given['user-index'] === true || isOperator;
  const hears = given['broadcast-endings'] === true;
  if (client === 'koa-redis' && (indexesUsers || given.walking || hears)) {
    throw usageError(
      'An application with koa-redis has no index of users, tells no ends, and does not walk over its sessions',
    );
  }
  return {
    client,
    selectsDb: given.db === true,
    isCluster: given.cluster === true,
    indexesUsers,
    walks: given.walking === true || isOperator,
    tells: hears || isOperator,
    hears,
    inspects: isOperator,
  };
}

/** `shop` for `shop:sess:`. */
function nameFor(prefix: string, given: Given): string {
  const [name = ''] = /^[\w-]+/.exec(prefix) ?? [];
  if (name === '') throw usageError('Give --name: the prefix does not begin with a name for the Redis user');
  return given.operator ? `${name}-operator` : name;
}

/** Neither a shell nor redis-cli must read it otherwise. */
function expectPlain(option: string, text: string): void {
  if (!/[\s'"\p{Cc}]/u.test(text) && (text !== '' || option === '--prefix')) return;
  throw usageError(`Expected ${option} to have no white space, quotes or control characters`);
}
