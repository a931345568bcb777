import type { Meter, ObservableResult } from './api';
import { PREFIX } from './attributes';

/** A store that can count its sessions: the `store` of the middleware, or a `Store`. */
export interface CountableStore {
  /** The prefix of the store's keys. */
  readonly prefix: string;
  /** Counts the sessions that are stored. */
  count(options?: { signal?: AbortSignal }): Promise<number>;
}

/** Observes how many sessions the stores have, until the returned function is called. */
export function observeLive(meter: Meter, stores: readonly CountableStore[], every: number): () => void {
  const live = meter.createObservableGauge('koa.session.live', {
    description: 'Sessions that are stored.',
    unit: '{session}',
  });
  const stopping = new AbortController();
  const counts = stores.map((store) => ({
    store,
    count: countedAtMost(every, () => store.count({ signal: stopping.signal })),
  }));
  const observe = (result: ObservableResult) => {
    for (const { store, count } of counts) {
      const known = count();
      if (known !== undefined) result.observe(known, { [PREFIX]: store.prefix });
    }
  };
  live.addCallback(observe);
  return () => {
    live.removeCallback(observe);
    stopping.abort();
  };
}

/** Returns what was counted last, and counts again if that is older than `every` milliseconds. */
function countedAtMost(every: number, count: () => Promise<number>): () => number | undefined {
  let known: number | undefined;
  let since = Number.NEGATIVE_INFINITY;
  let isCounting = false;
  const countAgain = async () => {
    isCounting = true;
    since = performance.now();
    // Failures are seen in the metrics of calls.
    known = await count().catch(() => known);
    isCounting = false;
  };
  return () => {
    if (!isCounting && performance.now() - since >= every) void countAgain();
    return known;
  };
}
