import timers = require('node:timers');

// Taken when the module loads: faked timers would hold commands back for ever.
const { setImmediate } = timers;

/** The methods of a socket that hold back its writes. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** Longest text that is held back, in characters. Buffering and joining a longer one costs more than its own write. */
const LONGEST_HELD_BACK = 8192;

/**
 * Sends all commands of one turn of the event loop in one write, which saves a system call per request. A command never
 * waits for later turns.
 */
export class RedisBatch {
  #stream: Corkable | undefined;

  /** Called before a command with a text of `length` characters is written to the stream. */
  join(stream: Corkable | null | undefined, length: number): void {
    // There is no stream while the client reconnects.
    if (!stream || stream === this.#stream || length > LONGEST_HELD_BACK) return;
    stream.cork();
    this.#stream = stream;
    setImmediate(() => {
      if (this.#stream === stream) this.#stream = undefined;
      stream.uncork();
    });
  }
}
