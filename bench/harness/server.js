// Runs one contestant in its own process: `node server.js <contestant> <workload as JSON> <redis port>`. Reports its port, and its
// CPU time on request.
const http = require('node:http');
const path = require('node:path');

const [name = '', workload = '', redisPort = ''] = process.argv.slice(2);
const [file = '', detail] = name.split(':');
const contestant = require(path.join(__dirname, '../contestants', file));

const server = http.createServer(contestant(JSON.parse(workload), Number(redisPort), detail));
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

process.on('message', () => process.send?.(process.cpuUsage()));
// The bench has ended, successfully or not.
process.on('disconnect', () => process.exit());
