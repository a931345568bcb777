const { PassThrough } = require('node:stream');
const { REASONS } = require('./pages/endings');
const { liveParts } = require('./pages/panel');

/** Milliseconds between two reads of the store, however many viewers there are. */
const INTERVAL = 500;
const MOST = 100;

/** The viewers of the panel, each with a stream of server-sent events. Without viewers, the store is not read. */
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

  /**
   * @param {import('koa').Context} ctx
   * @param {import('koa-evented-session').SessionMiddleware<any>} [sessions] those among which the viewer has one
   */
  serve(ctx, sessions) {
    if (this.#viewers.size >= MOST) ctx.throw(503, 'too many viewers');
    const stream = new PassThrough();
    this.#viewers.set(stream, { own: String(ctx.query['own'] ?? '').slice(0, 6), sent: '' });
    stream.once('close', () => this.#leave(stream));
    ctx.type = 'text/event-stream';
    // A kept-alive connection would prevent the server from closing.
    ctx.set('Connection', 'close');
    ctx.body = stream;
    stream.write('retry: 2000\n\n');
    this.#timer ??= setInterval(() => this.#look(), INTERVAL);
    this.#look();
    if (sessions !== undefined) void tellOfEnd(stream, ctx.req, sessions);
  }

  /** Ends all streams, which would prevent the server from closing. */
  close() {
    for (const stream of this.#viewers.keys()) stream.end();
    clearInterval(this.#timer);
  }

  async #look() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // Not viewers who join during the read: their session may be newer than the result.
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
      const parts = Object.entries(liveParts(view, own)).map(([id, { text }]) => [id, text]);
      const message = JSON.stringify({ parts, state: view.state, hasEnded });
      // A slow reader gets only the latest state.
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

/**
 * Tells a viewer at once that the session has ended, in whatever process that was.
 *
 * @param {PassThrough} stream
 * @param {import('node:http').IncomingMessage} req
 * @param {import('koa-evented-session').SessionMiddleware<any>} sessions
 */
async function tellOfEnd(stream, req, sessions) {
  try {
    const watch = await sessions.watch(req, (reason) => {
      if (!stream.writableEnded) stream.write(`event: ended\ndata: ${JSON.stringify(REASONS[reason])}\n\n`);
    });
    if (stream.closed) watch?.stop();
    else stream.once('close', () => watch?.stop());
  } catch {
    // The store is away. The browser opens the stream again, and the panel shows which sessions are left.
  }
}

module.exports = { Viewers };
