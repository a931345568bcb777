const { spawnSync } = require('node:child_process');
const { availableParallelism } = require('node:os');

/** The load generator and the store run on one core, the measured server alone on another. */
exports.LOAD_CORE = 0;
exports.SERVER_CORE = availableParallelism() > 1 ? 1 : 0;

/** Pins a process to a core, if the machine supports it. @param {number | undefined} pid @param {number} core */
exports.pinned = (pid, core) => {
  spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
};
