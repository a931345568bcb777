const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 70;
const BOTTOM = 50;
const TOP = 40;
const RIGHT = 150;
const COLOURS = ['#1b6ca8', '#c1502e', '#4f8a3d', '#7a4fa3', '#b8860b', '#2a8c8c'];

/**
 * Draws lines as SVG. The x axis is logarithmic if `isLog` is set; the y axis begins at 0.
 *
 * @param {{ title: string, x: string, y: string, isLog?: boolean, lines: { name: string, points: [number, number][] }[] }} plot
 */
exports.plot = ({ title, x, y, isLog = false, lines }) => {
  const points = lines.flatMap((line) => line.points);
  const scale = (/** @type {number} */ value) => (isLog ? Math.log10(value) : value);
  const [low, high] = [Math.min(...points.map(([at]) => scale(at))), Math.max(...points.map(([at]) => scale(at)))];
  const top = niceCeiling(Math.max(...points.map(([, value]) => value)));
  const start = isLog ? low : 0;
  const left = (/** @type {number} */ at) =>
    LEFT + ((scale(at) - start) / (high - start || 1)) * (WIDTH - LEFT - RIGHT);
  const down = (/** @type {number} */ value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);

  const ticks = [...new Set(points.map(([at]) => at))].map(
    (at) =>
      `<text x="${left(at).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${at.toLocaleString('en')}</text>`,
  );
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const value = part * top;
    const at = down(value).toFixed(1);
    return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${round(value)}</text>`;
  });
  const drawn = lines.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(([at, value]) => `${left(at).toFixed(1)} ${down(value).toFixed(1)}`).join('L');
    const dots = points.map(
      ([at, value]) => `<circle cx="${left(at).toFixed(1)}" cy="${down(value).toFixed(1)}" r="3"/>`,
    );
    return `<g fill="${colour}" stroke="${colour}"><path d="M${path}" fill="none" stroke-width="2"/>${dots.join('')}<text x="${WIDTH - RIGHT + 12}" y="${TOP + 8 + index * 20}" stroke="none">${name}</text></g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<rect width="100%" height="100%" fill="white"/>
<text x="${LEFT}" y="22" font-size="14">${title}</text>
${grid.join('\n')}
${ticks.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${x}</text>
<text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})">${y}</text>
${drawn.join('\n')}
</svg>
`;
};

/** @param {number} value */
function niceCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return Math.ceil((value * 1.05) / unit) * unit;
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(3));
}
