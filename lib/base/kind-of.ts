import { types } from 'node:util';

/** What a value is, without showing it: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return `\`${value}\``;
  if (typeof value === 'string') return value === '' ? 'an empty string' : `a string of ${value.length} characters`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (types.isUint8Array(value)) return `${value.length} bytes`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
