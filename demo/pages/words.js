const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** As in "2 minutes ago", or "in 23 hours". @param {number} ms from now, negative for the past */
function fromNow(ms) {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.round(seconds / 60);
  const hours = Math.round(minutes / 60);
  if (seconds === 0) return ms < 0 ? 'just now' : 'now';
  if (Math.abs(seconds) < 60) return relative.format(seconds, 'second');
  if (Math.abs(minutes) < 60) return relative.format(minutes, 'minute');
  if (Math.abs(hours) < 24) return relative.format(hours, 'hour');
  return relative.format(Math.round(hours / 24), 'day');
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

module.exports = { clock, fromNow, price, size };
