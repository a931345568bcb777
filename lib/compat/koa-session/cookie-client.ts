import { randomUUID } from 'node:crypto';
import type { SessionInToken, TokenStore } from '../../middleware/engine';
import { dated } from './lifetime';
import { requests, type StoreRequest } from './request';
import type { SessionOptions, SessionRecord } from './types';

/** Sessions that are kept in the cookie, as koa-session encodes them. */
export const cookieClient: TokenStore = {
  pack({ record }) {
    const { options } = requests.getStore() as StoreRequest;
    return options.encode(dated(JSON.parse(record) as SessionRecord));
  },

  unpack(token): SessionInToken | undefined {
    const { options } = requests.getStore() as StoreRequest;
    const data = decoded(token, options, undefined);
    return isRecord(data) ? { sid: randomUUID(), record: JSON.stringify(data) } : undefined;
  },
};

/** The content of a cookie; `otherwise` if decoding throws, since a visitor may have made the cookie up. */
export function decoded<T>(cookie: string, { decode }: SessionOptions, otherwise: T): unknown | T {
  try {
    return decode(cookie);
  } catch {
    return otherwise;
  }
}

export function isRecord(value: unknown): value is SessionRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
