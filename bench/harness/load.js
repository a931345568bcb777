const { spawn, spawnSync } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { peer } = require('../peers');
const { LOAD_CORE } = require('./cores');

const hasWrk = spawnSync('wrk', ['-v']).error === undefined;
const hasTaskset = spawnSync('taskset', ['-V']).error === undefined;

/** Name of the load generator, for the report. */
exports.generator = hasWrk ? 'wrk' : 'autocannon';

/**
 * Sends requests for some seconds, each with the next cookie; `''` stands for a visitor without a cookie.
 *
 * @param {{ port: number, path: string, cookies: string[], connections: number, seconds: number }} load
 * @returns {Promise<{ requests: number, perSecond: number }>}
 */
exports.send = (load) => (hasWrk ? sendByWrk(load) : sendByAutocannon(load));

/** @type {typeof exports.send} */
async function sendByWrk({ port, path: url, cookies, connections, seconds }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const file = path.join(folder, 'cookies');
  writeFileSync(file, cookies.map((cookie) => `${cookie}\n`).join(''));
  const wrk = ['wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
  const command = [
    ...(hasTaskset ? ['taskset', '-c', String(LOAD_CORE)] : []),
    ...wrk,
    ...['-s', path.join(__dirname, 'cookies.lua'), `http://127.0.0.1:${port}`],
  ];
  try {
    const printed = await run(command, { BENCH_COOKIES: file, BENCH_PATH: url });
    if (/Non-2xx|Socket errors/.test(printed)) throw new Error(`not every request was answered:\n${printed}`);
    const requests = Number(/(\d+) requests in/.exec(printed)?.[1]);
    const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]);
    if (!(requests > 0)) throw new Error(`no request was answered:\n${printed}`);
    return { requests, perSecond };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @type {typeof exports.send} */
async function sendByAutocannon({ port, path: url, cookies, connections, seconds }) {
  const requests = cookies.map((cookie) => ({ method: 'GET', path: url, headers: cookie ? { cookie } : {} }));
  let client = 0;
  const result = await peer('autocannon')({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests,
    // Each connection begins with another visitor: requests of one session side by side would measure something else.
    setupClient: (/** @type {any} */ connection) => {
      const first = Math.floor((client++ * requests.length) / connections);
      connection.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
    },
  });
  if (result.non2xx + result.errors > 0) throw new Error('not every request was answered');
  return { requests: result['2xx'], perSecond: result.requests.average };
}

/** @param {string[]} command @param {Record<string, string>} env @returns {Promise<string>} */
function run([program = '', ...args], env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    let printed = '';
    child.stdout.on('data', (chunk) => (printed += chunk));
    child.stderr.on('data', (chunk) => (printed += chunk));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(printed) : reject(new Error(printed))));
  });
}
