const { spawn } = require('node:child_process');

/** Runs npm scripts at the same time, and fails if one of them does. Shows what each says once it is over, so that nothing is mixed. */
for (const name of process.argv.slice(2)) {
  const child = spawn('npm', ['run', name], { shell: process.platform === 'win32', stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
  child.on('close', (code) => {
    process.stdout.write(Buffer.concat(said));
    if (code !== 0) process.exitCode = 1;
  });
}
