const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { pinned, SERVER_CORE } = require('./cores');

/** A running contestant. */
class Contestant {
  /** @param {string} name @param {import('node:child_process').ChildProcess} child @param {number} port */
  constructor(name, child, port) {
    this.name = name;
    this.child = child;
    this.port = port;
  }

  /** User and system CPU time of the process in microseconds, as the operating system reports it. */
  async cpu() {
    this.child.send('cpu');
    const [{ user, system }] = await once(this.child, 'message');
    return user + system;
  }

  async end() {
    if (this.child.exitCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

/**
 * @param {string} name a file in contestants/
 * @param {import('../workloads').Workload} workload
 * @param {number} redisPort
 * @param {string[]} [execArgv]
 */
exports.startContestant = async (name, workload, redisPort, execArgv = []) => {
  const child = fork(path.join(__dirname, 'server.js'), [name, JSON.stringify(workload), String(redisPort)], {
    execArgv,
    env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
    // Hides deprecation warnings of the peers.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  pinned(child.pid, SERVER_CORE);
  const [{ port }] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`${name} did not start`);
    }),
  ]);
  return new Contestant(name, child, port);
};
exports.Contestant = Contestant;
