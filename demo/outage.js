/** Takes the store away for a while and sends requests to it, so that the outage can be seen. */
class Outage {
  /** When the store comes back; `undefined` if it is available. @type {number | undefined} */
  until;
  #client;
  #knock;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {NodeJS.Timeout | undefined} */
  #knocking;

  /**
   * @param {{ goAway(ms: number): void }} client
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
    this.#client.goAway(ms);
    this.#timer = setTimeout(() => this.#end(), ms);
    this.#knocking = setInterval(this.#knock, 500);
    this.#knock();
  }

  /** Stops the timers before the process ends. */
  close() {
    clearTimeout(this.#timer);
    clearInterval(this.#knocking);
  }

  #end() {
    this.close();
    this.until = undefined;
    // One more request, to show that the store is back.
    this.#timer = setTimeout(this.#knock, 500);
  }
}

module.exports = { Outage };
