const SPECIAL = /[.*+?^${}()|[\]\\]/g;

/** Values of one name in a Cookie header: a browser sends several cookies of it if their domains or paths differ. */
export class CookieValues {
  readonly #start: string;
  readonly #pattern: RegExp;

  constructor(name: string) {
    this.#start = `${name}=`;
    // As `cookies` looks for the first.
    this.#pattern = new RegExp(`(?:^|;) *${name.replace(SPECIAL, '\\$&')}=([^;]*)`, 'g');
  }

  /** Whether the header may hold more than one value: found without reading it. */
  mayBeSeveral(header: string): boolean {
    return header.indexOf(this.#start) !== header.lastIndexOf(this.#start);
  }

  /** The values, in the order sent, without the quotes around them. */
  in(header: string): string[] {
    return Array.from(header.matchAll(this.#pattern), ([, value = '']) =>
      value.startsWith('"') ? value.slice(1, -1) : value,
    );
  }
}
