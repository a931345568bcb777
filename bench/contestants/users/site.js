const { once } = require('node:events');
const { createServer, get } = require('node:http');

/** Calls at once while sessions are filled in. */
const AT_ONCE = 500;

/** The user whose sessions are counted, and one who only warms the site up. */
exports.BIG = 'big';

/**
 * Handles what the bench asks for, about the sessions of one user. `/fill?count=1000` stores sessions, `/list` and `/end-all` answer
 * with the number of sessions; all else is the application's.
 *
 * @param {(req: any, res: any) => void} callback the application, where `/login?user=ann` logs in
 * @param {{ fill(n: number): Promise<unknown>, list(): Promise<number>, endAll(): Promise<number> }} work
 */
exports.usersSite = (callback, work) => async (/** @type {any} */ req, /** @type {any} */ res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  if (pathname === '/fill') {
    const count = Number(searchParams.get('count'));
    for (let first = 0; first < count; first += AT_ONCE) {
      const length = Math.min(AT_ONCE, count - first);
      await Promise.all(Array.from({ length }, (_, n) => work.fill(first + n)));
    }
    res.end(String(count));
  } else if (pathname === '/list') res.end(String(await work.list()));
  else if (pathname === '/end-all') res.end(String(await work.endAll()));
  else callback(req, res);
};

/** Sends one request to an application that is not served yet. @param {(req: any, res: any) => void} callback @param {string} path */
exports.visit = async (callback, path) => {
  const server = createServer(callback).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const request = get({ port: typeof address === 'object' ? address?.port : 0, path, agent: false });
  const [response] = await once(request, 'response');
  response.resume();
  await once(response, 'end');
  server.close();
};
