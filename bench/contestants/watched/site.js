/** Calls at once while sessions are made. */
const AT_ONCE = 500;

/** The id of the nth watched session. @param {number} n */
exports.idOf = (n) => `watched${n}`;

/**
 * Handles what the bench asks for. `/fill?count=1000` stores sessions, and `/watch?count=1000` watches them. `/ended` answers with how
 * many watched sessions have ended, `/end-all?count=1000` ends them, and `/look-up` looks all of them up.
 *
 * @param {{ create(n: number): Promise<unknown>, watch(n: number, listener: () => void, req: any): Promise<unknown>, end(count: number): Promise<unknown>, lookUp(): void }} work
 */
exports.watchedSite = ({ create, watch, end, lookUp }) => {
  let ended = 0;
  const each = async (/** @type {number} */ count, /** @type {(n: number) => Promise<unknown>} */ act) => {
    for (let first = 0; first < count; first += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, n) => act(first + n)));
    }
  };
  const listener = () => {
    ended += 1;
  };
  return async (/** @type {any} */ req, /** @type {any} */ res) => {
    const { pathname, searchParams } = new URL(req.url, 'http://localhost');
    const count = Number(searchParams.get('count'));
    if (pathname === '/fill') await each(count, create);
    if (pathname === '/watch') await each(count, (n) => watch(n, listener, req));
    if (pathname === '/end-all') await end(count);
    if (pathname === '/look-up') lookUp();
    res.end(String(ended));
  };
};
