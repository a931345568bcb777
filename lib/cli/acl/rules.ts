import { createHash } from 'node:crypto';
import { type Needs, neededCommands } from './needed';

/**
 * The rules of `ACL SETUSER` for a user of this prefix. An existing user keeps its passwords and nothing else, so that the
 * line serves after an upgrade too; a new one cannot log in without a password.
 */
export function aclRules(prefix: string, needs: Needs, password: string | undefined): string[] {
  return [
    'on',
    ...(password === undefined ? [] : [hashOf(password)]),
    'resetkeys',
    `~${literally(prefix)}*`,
    'resetchannels',
    // The channel of another database has a longer name.
    ...(needs.tells ? [`&${literally(prefix)}endings*`] : []),
    '-@all',
    ...neededCommands(needs).map((command) => `+${command}`),
  ];
}

/** The whole command, for a shell or for redis-cli. */
export function aclLine(name: string, rules: readonly string[]): string {
  return ['ACL', 'SETUSER', name, ...rules].map(quoted).join(' ');
}

/** Redis stores only this of a password, and accepts it in the place of one. */
function hashOf(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`;
}

/** The text as a pattern of keys or channels that means only itself. */
function literally(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}

function quoted(word: string): string {
  return /^[\w:+|.@-]+$/.test(word) ? word : `'${word}'`;
}
