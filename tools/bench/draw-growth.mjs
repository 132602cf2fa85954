// `npm run --silent bench -- --backend cpu --growth | node tools/bench/draw-growth.mjs > docs/growth.svg`: the chart.
import { text } from 'node:stream/consumers';

/** @typedef {import('./bench-growth.ts').GrowthReport} GrowthReport */
/** @typedef {{ readonly name: string, readonly points: readonly (readonly [number, number])[] }} Line */

const [width, height, left, right, top, bottom] = [300, 250, 44, 20, 44, 40];
// Readable on white and on black, and told apart by their marks as well.
const colors = ['#2f6fdb', '#c2571a', '#1d8a5b'];

/** @param {number} i of a plan */
const colorOf = (i) => colors[i] ?? colors[0] ?? '';

/** @param {number} tokens */
const lengthName = (tokens) => (tokens >= 1024 ? `${tokens / 1024}k` : String(tokens));

/** A power of ten. @param {number} value */
const powerName = (value) =>
  value >= 1 ? String(Math.round(value)) : value.toFixed(-Math.round(Math.log10(value)));

/** @param {number} value @param {string} unit */
function reading(value, unit) {
  return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} ${unit}`;
}

/**
 * Both axes logarithmic.
 *
 * @param {number} x
 * @param {string} title
 * @param {string} unit
 * @param {readonly Line[]} lines
 */
function panel(x, title, unit, lines) {
  const all = lines.flatMap(({ points }) => points);
  const [xs, ys] = [all.map(([at]) => at), all.map(([, value]) => value)];
  const range = (/** @type {number[]} */ values) => [Math.min(...values), Math.max(...values)];
  const [fromX = 1, toX = 1] = range(xs);
  const [leastY = 1, mostY = 1] = range(ys);
  const [fromY, toY] = [10 ** Math.floor(Math.log10(leastY)), 10 ** Math.ceil(Math.log10(mostY))];
  const place = (/** @type {number} */ value, /** @type {number} */ from, /** @type {number} */ to) =>
    Math.log(value / from) / Math.log(to / from);
  const atX = (/** @type {number} */ value) => x + left + place(value, fromX, toX) * (width - left - right);
  const atY = (/** @type {number} */ value) =>
    height - bottom - place(value, fromY, toY) * (height - top - bottom);
  const parts = [`<text x="${x + left}" y="${top - 16}" class="title">${title}</text>`];
  for (let value = fromY; value <= toY * 1.001; value *= 10) {
    const y = atY(value).toFixed(1);
    parts.push(`<path class="grid" d="M${x + left} ${y}H${x + width - right}"/>`);
    parts.push(`<text x="${x + left - 6}" y="${Number(y) + 4}" class="end">${powerName(value)}</text>`);
  }
  for (const tokens of new Set(xs)) {
    parts.push(
      `<text x="${atX(tokens).toFixed(1)}" y="${height - bottom + 18}" class="middle">${lengthName(tokens)}</text>`,
    );
  }
  parts.push(`<text x="${x + width - right}" y="${height - 6}" class="end">tokens</text>`);
  for (const [i, { name, points }] of lines.entries()) {
    const d = points.map(
      ([at, value], n) => `${n === 0 ? 'M' : 'L'}${atX(at).toFixed(1)} ${atY(value).toFixed(1)}`,
    );
    parts.push(`<path class="line" stroke="${colorOf(i)}" d="${d.join('')}"/>`);
    for (const [at, value] of points) {
      const [cx, cy] = [atX(at).toFixed(1), atY(value).toFixed(1)];
      parts.push(
        `<path fill="${colorOf(i)}" d="${mark(i, Number(cx), Number(cy))}"><title>${name}, ${at} tokens: ${reading(value, unit)}</title></path>`,
      );
    }
  }
  return parts.join('\n');
}

/** A square, a triangle, a diamond. @param {number} i @param {number} x @param {number} y */
function mark(i, x, y) {
  if (i === 0) return `M${x - 3} ${y - 3}h6v6h-6z`;
  return i === 1 ? `M${x} ${y - 4.5}l4.5 8h-9z` : `M${x} ${y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z`;
}

/** @param {GrowthReport} report */
function draw({ plans, windowTokens }) {
  const names = plans.map(({ name }) => (name === 'windows' ? `windows of ${windowTokens}` : name));
  const lines = (/** @type {(plan: GrowthReport['plans'][number]) => Line['points']} */ of) =>
    plans.map((plan, i) => ({ name: names[i] ?? plan.name, points: of(plan) }));
  const panels = [
    panel(
      0,
      'ms per token, on the CPU',
      'ms',
      lines(({ measured }) => measured.map((at) => [at.tokens, at.msPerToken])),
    ),
    panel(
      width,
      'seconds per prompt, on the CPU',
      's',
      lines(({ measured }) => measured.map((at) => [at.tokens, at.prefillMs / 1000])),
    ),
    panel(
      2 * width,
      'MiB read per token, counted',
      'MiB',
      lines(({ counted }) => counted.map((at) => [at.tokens, at.memoryBytes / 2 ** 20])),
    ),
  ];
  const legend = names.map(
    (name, i) =>
      `<path fill="${colorOf(i)}" d="${mark(i, 64 + 130 * i, height + 12)}"/><text x="${74 + 130 * i}" y="${height + 16}">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${3 * width} ${height + 28}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Time of a token and of a prompt, and bytes of a token, by the length of the text">
<style>
text { fill: #57606a; }
.title { fill: #1f2328; font-size: 13px; font-weight: 600; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid { stroke: #d0d7de; }
.line { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) { text { fill: #9198a1; } .title { fill: #e6edf3; } .grid { stroke: #3d444d; } }
</style>
${panels.join('\n')}
${legend.join('\n')}
</svg>
`;
}

/** @type {GrowthReport} */
const report = JSON.parse(await text(process.stdin)); // what the bench printed
process.stdout.write(draw(report));
