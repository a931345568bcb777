/** @param {number} ms */
function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** @param {number} at */
function clock(at) {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** @param {number} cents */
function price(cents) {
  return `€ ${(cents / 100).toFixed(2)}`;
}

module.exports = { clock, duration, price, size };
