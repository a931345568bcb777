interface Entry<V> {
  readonly key: string;
  readonly value: V;
  next: Entry<V> | undefined;
}

/** How many slots keys are spread over. */
export const SLOTS = 1024;

/**
 * A map for what is in it for moments only. The tables that a `Map` leaves behind as it grows and shrinks keep what was in them
 * alive until the next full collection, and collecting took half as long again.
 */
export class ActiveKeys<V> {
  readonly #slots: (Entry<V> | undefined)[] = Array(SLOTS).fill(undefined);

  get(key: string): V | undefined {
    let entry = this.#slots[slotOf(key)];
    while (entry !== undefined && entry.key !== key) entry = entry.next;
    return entry?.value;
  }

  /** Adds a key that is not there. */
  add(key: string, value: V): void {
    const slot = slotOf(key);
    this.#slots[slot] = { key, value, next: this.#slots[slot] };
  }

  delete(key: string): void {
    const slot = slotOf(key);
    const first = this.#slots[slot];
    if (first?.key === key) {
      this.#slots[slot] = first.next;
      return;
    }
    let before = first;
    while (before !== undefined && before.next?.key !== key) before = before.next;
    if (before !== undefined) before.next = before.next?.next;
  }
}

/** Session ids are random to their end; keys that end alike share a slot, and are found all the same. */
export function slotOf(key: string): number {
  const { length } = key;
  const last = key.charCodeAt(length - 1) + 31 * key.charCodeAt(length - 2) + 961 * key.charCodeAt(length - 3);
  return (last | 0) % SLOTS;
}
