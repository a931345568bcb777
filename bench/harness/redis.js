const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createServer, connect } = require('node:net');
const { setTimeout: pause } = require('node:timers/promises');
const { LOAD_CORE, pinned } = require('./cores');

/** A private redis-server that writes nothing to disk. */
exports.startRedis = async () => {
  const port = await freePort();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore',
    },
  );
  pinned(child.pid, LOAD_CORE);
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error('redis-server did not start; run `npm run setup`');
    await pause(25);
  }
  return {
    port,
    async end() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
};

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** @param {number} port */
async function answers(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
