/** Takes the store away for a while, and has it asked meanwhile, so that there is something to see. */
class Outage {
  /** When the store is to come back; `undefined` while it has not been taken away. @type {number | undefined} */
  until;
  #client;
  #knock;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {NodeJS.Timeout | undefined} */
  #knocking;

  /**
   * @param {{ connect(): void, disconnect(): void }} client
   * @param {() => void} knock asks the store once
   */
  constructor(client, knock) {
    this.#client = client;
    this.#knock = knock;
  }

  /** @param {number} ms */
  begin(ms) {
    if (this.until) return;
    this.until = Date.now() + ms;
    this.#client.disconnect();
    this.#timer = setTimeout(() => this.#end(), ms);
    this.#knocking = setInterval(this.#knock, 500);
    this.#knock();
  }

  /** For the end of the process. */
  close() {
    clearTimeout(this.#timer);
    clearInterval(this.#knocking);
  }

  #end() {
    this.close();
    this.until = undefined;
    this.#client.connect();
    // Once more, to show that it is back.
    this.#timer = setTimeout(this.#knock, 500);
  }
}

module.exports = { Outage };
