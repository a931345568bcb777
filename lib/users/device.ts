import type Koa = require('koa');

import { types } from 'node:util';
import { SessionError } from '../base/errors';
import { shown } from '../base/expect';
import type { UserRules } from './rules';

/** In bytes of JSON: each request that reads the session reads its device too. */
const LONGEST = 4096;

/**
 * What the option `device` says of a request, as JSON keeps it.
 *
 * @throws SessionError `ERR_SESSION_VALUE` if JSON cannot hold it, or it is too long.
 */
export function deviceOf(ctx: Koa.Context, { device }: UserRules): unknown {
  const value = device?.(ctx);
  if (value === undefined) return undefined;
  if (types.isPromise(value)) {
    // The error below tells enough: the promise's own failure must not end the process.
    value.catch(() => undefined);
    throw wrong('a promise');
  }
  const json = jsonOf(value);
  const bytes = Buffer.byteLength(json);
  if (bytes > LONGEST) throw wrong(`${bytes} bytes: cut long headers, as in \`ctx.get('User-Agent').slice(0, 200)\``);
  return JSON.parse(json);
}

function jsonOf(value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
  if (json === undefined) throw wrong(shown(value));
  return json;
}

function wrong(got: string, cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_VALUE',
    `Expected \`device\` to return what fits into ${LONGEST} bytes of JSON, got ${got}`,
    { cause },
  );
}
