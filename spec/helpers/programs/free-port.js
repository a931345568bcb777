// For `node --require`: whatever port a program asks for, it listens on SPEC_PORT, or on a free one, and says which.
const { Server } = require('node:net');

const { listen } = Server.prototype;

/** @this {import('node:net').Server} */
function listenOnFreePort() {
  this.once('listening', () => {
    const address = this.address();
    console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
  });
  return Reflect.apply(listen, this, [Number(process.env['SPEC_PORT'] ?? 0), '127.0.0.1']);
}

Server.prototype.listen = listenOnFreePort;
