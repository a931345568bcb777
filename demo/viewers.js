const { PassThrough } = require('node:stream');
const { livePart } = require('./pages/panel');

/** Milliseconds between two looks at the store, however many watch. */
const INTERVAL = 500;
const MOST = 100;

/** Those who watch the panel: each has a stream of server-sent events. While nobody watches, nothing is done. */
class Viewers {
  /** @type {Map<PassThrough, { own: string, sent: string }>} */
  #viewers = new Map();
  #panel;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #isLooking = false;

  /** @param {import('./panel').Panel} panel */
  constructor(panel) {
    this.#panel = panel;
  }

  /** @param {import('koa').Context} ctx */
  serve(ctx) {
    if (this.#viewers.size >= MOST) ctx.throw(503, 'too many watch already');
    const stream = new PassThrough();
    this.#viewers.set(stream, { own: String(ctx.query['own'] ?? '').slice(0, 6), sent: '' });
    stream.once('close', () => this.#leave(stream));
    ctx.type = 'text/event-stream';
    // Kept alive for another request, the connection would hold a server that is to end.
    ctx.set('Connection', 'close');
    ctx.body = stream;
    stream.write('retry: 2000\n\n');
    this.#timer ??= setInterval(() => this.#look(), INTERVAL);
    this.#look();
  }

  /** Ends all streams, which would hold the server. */
  close() {
    for (const stream of this.#viewers.keys()) stream.end();
    clearInterval(this.#timer);
  }

  async #look() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // Not those who come meanwhile: their session may be younger than what is read now.
    const viewers = [...this.#viewers];
    const view = await this.#panel.look();
    this.#isLooking = false;
    for (const [stream, viewer] of viewers) {
      const { own } = viewer;
      const hasEnded =
        own !== '' &&
        !view.isStale &&
        !Object.values(view.sessions)
          .flat()
          .some(({ tag }) => tag === own);
      const message = JSON.stringify({ html: livePart(view, own).text, state: view.state, hasEnded });
      // A slow reader gets the latest state only, not each one before it.
      if (message === viewer.sent || stream.writableNeedDrain || stream.writableEnded) continue;
      viewer.sent = message;
      stream.write(`data: ${message}\n\n`);
    }
  }

  /** @param {PassThrough} stream */
  #leave(stream) {
    this.#viewers.delete(stream);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

module.exports = { Viewers };
