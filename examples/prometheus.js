// Serves metrics of the sessions and their store in Prometheus' text format, from the channels of the package alone.
//
// Run:  npm run build && node examples/prometheus.js
// See:  curl http://localhost:3000 a few times, then curl http://localhost:9464/metrics. docs/running.md names what the channels tell.
const { subscribe } = require('node:diagnostics_channel');
const { createServer } = require('node:http');
const Koa = require('koa');
const session = require('koa-evented-session');

// The buckets that OpenTelemetry asks for, in seconds.
const LIMITS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, Number.POSITIVE_INFINITY];

/** Values by metric and labels, as `sessions_created_total{prefix="shop:"}`. */
const values = /** @type {Map<string, number>} */ (new Map());

/** @param {string} metric @param {Record<string, unknown>} labels @param {number} [value] */
function add(metric, labels, value = 1) {
  const quoted = Object.entries(labels).map(([name, text]) => `${name}=${JSON.stringify(String(text))}`);
  const series = `${metric}{${quoted.join(',')}}`;
  values.set(series, (values.get(series) ?? 0) + value);
}

subscribe('koa-evented-session:session', (message) => {
  const { event, prefix, reason, continued } = /** @type {session.SessionMessage} */ (message);
  if (event === 'session:created' && !continued) add('sessions_created_total', { prefix });
  if (reason !== undefined) add('sessions_ended_total', { prefix, reason });
});

subscribe('tracing:koa-evented-session:store:asyncEnd', (message) => {
  const { duration = 0, method, outcome, prefix, store, waited } = /** @type {session.StoreCall} */ (message);
  const labels = { store, prefix, method, outcome };
  const seconds = duration / 1000;
  for (const limit of LIMITS) {
    const le = limit === Number.POSITIVE_INFINITY ? '+Inf' : limit;
    add('session_store_call_seconds_bucket', { ...labels, le }, seconds <= limit ? 1 : 0);
  }
  add('session_store_call_seconds_sum', labels, seconds);
  add('session_store_call_seconds_count', labels);
  if (waited > 0) add('session_store_wait_seconds_total', { prefix }, waited / 1000);
});

const TYPES = {
  sessions_created_total: 'counter',
  sessions_ended_total: 'counter',
  session_store_call_seconds: 'histogram',
  session_store_wait_seconds_total: 'counter',
};

function exposition() {
  const series = [...values].map(([name, value]) => `${name} ${value}`);
  const metrics = Object.entries(TYPES).map(([metric, type]) => [
    `# TYPE ${metric} ${type}`,
    ...series.filter((line) => line.startsWith(metric)),
  ]);
  return `${metrics.flat().join('\n')}\n`;
}

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];
app.use(session({ prefix: 'shop:' }));
app.use((ctx) => {
  if (ctx.path === '/logout') ctx.session = null;
  const visitor = /** @type {{ views?: number } | null} */ (ctx.session);
  if (visitor) visitor.views = (visitor.views ?? 0) + 1;
  ctx.body = visitor ? `views: ${visitor.views}\n` : 'bye\n';
});

/** @param {string} name @param {import('node:http').Server} server */
function tell(name, server) {
  const address = server.address();
  console.log(`${name}http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
}

// Not on the port of the application, which strangers can reach.
const metrics = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
  response.end(exposition());
});
metrics.listen(Number(process.env['METRICS_PORT'] || 9464), '127.0.0.1', () => tell('metrics: ', metrics));

const server = app.listen(Number(process.env['PORT'] || 3000), () => tell('', server));
