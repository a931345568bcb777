import type { Session, SessionStore } from '../../../lib/main';

/** The least that can be a store: `get`, `set` and `destroy` that answer with promises. It keeps JSON, like a database does. */
export class MapClient implements SessionStore {
  readonly records = new Map<string, string>();
  /** The ttl that each key was last written with. */
  readonly ttls = new Map<string, unknown>();

  get size(): number {
    return this.records.size;
  }

  /** The client of another process, on the same database. */
  inAnotherProcess(): MapClient {
    return Object.assign(new MapClient(), { records: this.records, ttls: this.ttls });
  }

  async get(key: string): Promise<Session | null> {
    const record = this.records.get(key);
    return record === undefined ? null : (JSON.parse(record) as Session);
  }

  async set(key: string, session: Session, ttl: number): Promise<void> {
    this.records.set(key, JSON.stringify(session));
    this.ttls.set(key, ttl);
  }

  async destroy(key: string): Promise<void> {
    this.records.delete(key);
    this.ttls.delete(key);
  }
}

/** The same with `touch`, which extends an unchanged session without writing it. */
export class TouchableMapClient extends MapClient {
  async touch(key: string, ttl: number): Promise<boolean> {
    if (!this.records.has(key)) return false;
    this.ttls.set(key, ttl);
    return true;
  }
}
