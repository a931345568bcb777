/** The number of slots among which a Cluster distributes its keys. */
const SLOTS = 16_384;

/** All slots, as text. */
export const ALL_SLOTS = `0-${SLOTS - 1}`;

/** Some slots of a Cluster; as text, ranges as in CLUSTER NODES: `0-5460,7000`. */
export class Slots {
  readonly #has: readonly boolean[];

  private constructor(has: readonly boolean[]) {
    this.#has = has;
  }

  static in(text: string): Slots {
    const has = new Array<boolean>(SLOTS).fill(false);
    for (const range of text.split(',').filter(Boolean)) {
      const [first = 0, last = first] = range.split('-').map(Number);
      has.fill(true, first, last + 1);
    }
    return new Slots(has);
  }

  has(slot: number): boolean {
    return this.#has[slot] === true;
  }

  and(other: Slots): Slots {
    return new Slots(this.#has.map((has, slot) => has && other.has(slot)));
  }

  or(other: Slots): Slots {
    return new Slots(this.#has.map((has, slot) => has || other.has(slot)));
  }

  without(other: Slots): Slots {
    return new Slots(this.#has.map((has, slot) => has && !other.has(slot)));
  }

  toString(): string {
    const ranges: string[] = [];
    for (let first = this.#has.indexOf(true); first !== -1; ) {
      const end = this.#has.indexOf(false, first);
      const last = (end === -1 ? SLOTS : end) - 1;
      ranges.push(first === last ? `${first}` : `${first}-${last}`);
      first = this.#has.indexOf(true, last + 1);
    }
    return ranges.join(',');
  }
}

/** The part of a key that decides on its slot, if not all of it: the first text in braces. */
export function hashTagOf(key: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1];
}

/** The slot of a key. */
export function slotOf(key: string): number {
  // CRC-16 in the XMODEM variant, as the specification of Redis Cluster says.
  let crc = 0;
  for (const byte of Buffer.from(hashTagOf(key) ?? key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
