import { EventEmitter } from 'node:events';
import type { Session, SessionStore } from '../../../lib/main';
import { MapClient } from './map-client';

/** A client that a spec connects and disconnects by emitting `connect` and `disconnect`. */
export class EmittingClient extends EventEmitter implements SessionStore {
  readonly #map = new MapClient();

  get(key: string): Promise<Session | null> {
    return this.#map.get(key);
  }

  set(key: string, session: Session, ttl: number): Promise<void> {
    return this.#map.set(key, session, ttl);
  }

  destroy(key: string): Promise<void> {
    return this.#map.destroy(key);
  }
}
