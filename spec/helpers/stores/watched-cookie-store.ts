import { CookieStore } from '../../../lib/cookie';
import type { Session, SessionInToken } from '../../../lib/main';

/** Sessions sealed in cookies, whose contents a spec can look up by the cookie's value. */
export class WatchedCookieStore extends CookieStore {
  // Signed besides, as what the contract says of signatures expects.
  override readonly protectsTokens: boolean = false;
  readonly #sids = new Set<string>();

  constructor() {
    super({ keys: ['0123456789abcdef'.repeat(8)] });
  }

  /** The number of sealed sessions. */
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
