interface Entry<V> {
  readonly key: string;
  readonly value: V;
  next: Entry<V> | undefined;
}

/** Number of slots that keys are spread over. */
export const SLOTS = 1024;

/**
 * A map for short-lived entries. As a `Map` grows and shrinks, the tables it discards keep their former entries alive
 * until the next full collection, and collecting took half as long again.
 */
export class ActiveKeys<V> {
  readonly #slots: (Entry<V> | undefined)[] = Array(SLOTS).fill(undefined);

  get(key: string): V | undefined {
    let entry = this.#slots[slotOf(key)];
    while (entry !== undefined && entry.key !== key) entry = entry.next;
    return entry?.value;
  }

  /** Adds a key that is not in the map. */
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

/** The end of a session id is random. Keys with the same end share a slot, and are still told apart. */
export function slotOf(key: string): number {
  const { length } = key;
  const last = key.charCodeAt(length - 1) + 31 * key.charCodeAt(length - 2) + 961 * key.charCodeAt(length - 3);
  return (last | 0) % SLOTS;
}
