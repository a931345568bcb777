const { send } = require('./load');

/** Rounds of one second before measuring: Node optimises a contestant's code for about three. */
exports.WARM_UP = 3;

/** Median of some numbers. @param {number[]} numbers */
exports.median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
};

/** Median absolute deviation of some numbers, as a fraction of their median. @param {number[]} numbers */
exports.deviation = (numbers) => {
  const middle = exports.median(numbers);
  return exports.median(numbers.map((each) => Math.abs(each - middle))) / middle;
};

/**
 * Creates sessions for some visitors and returns their cookies.
 *
 * @param {number} port
 * @param {number} count
 */
exports.visitors = async (port, count) => {
  const cookies = [];
  for (let visitor = 0; visitor < count; visitor += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/create`);
    if (!response.ok) throw new Error(`/create answered ${response.status}`);
    cookies.push(
      response.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; '),
    );
    await response.arrayBuffer();
  }
  if (cookies.includes('')) throw new Error('/create set no cookie');
  return cookies;
};

/**
 * Runs one round of load on one contestant; returns requests per second and CPU microseconds per request.
 *
 * @param {import('./contestant').Contestant} contestant
 * @param {Omit<Parameters<typeof send>[0], 'port'>} load
 */
exports.round = async (contestant, load) => {
  const before = await contestant.cpu();
  const { requests, perSecond } = await send({ port: contestant.port, ...load });
  return { perSecond, cpu: ((await contestant.cpu()) - before) / requests };
};
