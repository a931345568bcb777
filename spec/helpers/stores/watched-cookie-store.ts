import { CookieStore } from '../../../lib/cookie';
import type { Session, SessionInToken } from '../../../lib/main';

/** Sessions sealed in cookies, with what a spec asks of a store: what was sealed can be looked into by the cookie's value. */
export class WatchedCookieStore extends CookieStore {
  // Signed besides, as what the contract says of signatures expects.
  override readonly protectsTokens: boolean = false;
  readonly #sids = new Set<string>();

  constructor() {
    super({ keys: ['0123456789abcdef'.repeat(8)] });
  }

  /** How many sessions have been sealed. */
  get size(): number {
    return this.#sids.size;
  }

  override pack(session: SessionInToken & { ttl: number }, name: string): Promise<string> {
    this.#sids.add(session.sid);
    return super.pack(session, name);
  }

  async get(key: string): Promise<Session | undefined> {
    const carried = await super.unpack(key.replace('koa:sess:', ''), 'koa.sid');
    return carried && JSON.parse(carried.record);
  }
}
