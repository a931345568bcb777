import { hash } from 'node:crypto';

/** The name under which a session is stored if ids are hashed: the SHA-256 of its id in base64url. */
export function hashedName(sid: string): string {
  return hash('sha256', sid, 'base64url');
}
