// One contestant as a process of its own: `node server.js <contestant> <workload as JSON> <redis port>`. Tells its port, and its
// CPU time when it is asked.
const http = require('node:http');
const path = require('node:path');

const [name = '', workload = '', redisPort = ''] = process.argv.slice(2);
const contestant = require(path.join(__dirname, '../contestants', name));

const server = http.createServer(contestant(JSON.parse(workload), Number(redisPort)));
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

process.on('message', () => process.send?.(process.cpuUsage()));
// The bench has ended, well or not.
process.on('disconnect', () => process.exit());
