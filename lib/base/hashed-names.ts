import { hash } from 'node:crypto';

/** The name under which a session is stored if ids are hashed: the SHA-256 of its id in base64url. */
export function hashedName(sid: string): string {
  return hash('sha256', sid, 'base64url');
}

const HASHED = /^[\w-]{43}$/;

/** Whether a name could be a hash. */
export function looksHashed(name: string): boolean {
  return HASHED.test(name);
}
