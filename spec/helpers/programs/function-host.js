// A platform for short-lived processes: runs the handler in HANDLER, and with FREEZE freezes the process as soon as a response has been sent.
const { createServer } = require('node:http');

const module_ = { exports: /** @type {any} */ (undefined) };
new Function('module', 'require', process.env['HANDLER'] ?? '')(module_, require);

const server = createServer((request, response) => {
  if (process.env['FREEZE']) response.once('finish', () => process.kill(process.pid, 'SIGSTOP'));
  module_.exports(request, response);
});
// A connection that the last response has left open would be frozen too.
server.on('request', (_request, response) => response.setHeader('Connection', 'close'));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
});
