import timers = require('node:timers');

// Node's own, as it is now: faked timers would hold commands back for good.
const { setImmediate } = timers;

/** The part of a socket that holds writes back. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** Characters of the longest text that is held back: longer ones cost more to keep and to join than their own write does. */
const LONGEST_HELD_BACK = 8192;

/**
 * Sends all commands of one turn of the event loop in one write: saves each request that comes along with others a system call
 * of its own. A command waits no longer than for those that are there already.
 */
export class RedisBatch {
  #stream: Corkable | undefined;

  /** A command is about to be written to the stream, with a text of `length` characters. */
  join(stream: Corkable | null | undefined, length: number): void {
    // A connection that is being made anew has none.
    if (!stream || stream === this.#stream || length > LONGEST_HELD_BACK) return;
    stream.cork();
    this.#stream = stream;
    setImmediate(() => {
      if (this.#stream === stream) this.#stream = undefined;
      stream.uncork();
    });
  }
}
