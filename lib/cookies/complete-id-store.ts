import type { SessionIdStore } from '../base/types';
import { headersSetBy } from './error-headers';
import type { FullIdStore } from './id-store';

/** Completes an id store that knows only `get`, `set` and `reset`, and perhaps all ids of a request. */
export function completeIdStore(own: SessionIdStore & Partial<Pick<FullIdStore, 'allIds'>>): FullIdStore {
  return {
    get() {
      return own.get.call(this);
    },
    allIds() {
      return own.allIds?.call(this) ?? [];
    },
    set(sid, session) {
      return headersSetBy(this, () => own.set.call(this, sid, session));
    },
    reset(session) {
      return headersSetBy(this, () => (own.reset as FullIdStore['reset']).call(this, session));
    },
    clear: () => ({}),
    isOutdated: () => false,
    sign: () => ({}),
    check() {},
  };
}
