/** The sides of a dot where its name may stand, in order of preference. */
const labelSides = ['right', 'left', 'above', 'below'] as const;
export type LabelSide = (typeof labelSides)[number];

/** A dot with a name. `x` goes right and `y` goes up, both from 0 to 1. */
interface Named {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export type Labelled<Point> = Point & { readonly label: LabelSide };

/** Evenly spaced round numbers; the first is below all values and the last is above. */
export function roundTicks(values: readonly number[]): readonly number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const rough = Math.max((most - least) / 4, 1e-3);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(least / step - 0.05);
  const last = Math.ceil(most / step + 0.05);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** The common start of all ids, up to a hyphen. */
export function commonPrefix(ids: readonly string[]): string {
  const [first = ''] = ids;
  const prefix = first.slice(0, first.indexOf('-') + 1);
  return ids.every((id) => id.startsWith(prefix)) ? prefix : '';
}

/** Half the size of a dot, the width of a letter and the height of a line, as fractions of a plot on a phone. */
const DOT = 0.03;
const LETTER = 0.025;
const LINE = 0.09;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly low: number;
  readonly high: number;
}

/** Places each name on the side where it covers the least of the dots and of the names before it. */
export function withLabels<Point extends Named>(points: readonly Point[]): readonly Labelled<Point>[] {
  const dots = points.map(({ x, y }) => ({ left: x - DOT, right: x + DOT, low: y - DOT, high: y + DOT }));
  const taken: Box[] = [];
  return points.map((point, i) => {
    const obstacles = [...taken, ...dots.filter((_, j) => j !== i)];
    const tried = labelSides.map((side) => {
      const box = boxOf(point, side);
      return { side, box, covered: overlap(box, obstacles) + outside(box) };
    });
    const chosen = tried.reduce((a, b) => (b.covered < a.covered ? b : a));
    taken.push(chosen.box);
    return { ...point, label: chosen.side };
  });
}

function boxOf({ x, y, name }: Named, side: LabelSide): Box {
  const width = LETTER * name.length;
  if (side === 'right')
    return { left: x + DOT, right: x + DOT + width, low: y - LINE / 2, high: y + LINE / 2 };
  if (side === 'left')
    return { left: x - DOT - width, right: x - DOT, low: y - LINE / 2, high: y + LINE / 2 };
  const middle = { left: x - width / 2, right: x + width / 2 };
  return side === 'above'
    ? { ...middle, low: y + DOT, high: y + DOT + LINE }
    : { ...middle, low: y - DOT - LINE, high: y - DOT };
}

const overlap = (box: Box, others: readonly Box[]) =>
  others.reduce((sum, other) => {
    const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
    const high = Math.min(box.high, other.high) - Math.max(box.low, other.low);
    return sum + Math.max(0, wide) * Math.max(0, high);
  }, 0);

/** How much of a name lies outside the plot, which counts as much as covering another. Below it are the marks of the axis. */
const outside = ({ left, right, low }: Box) =>
  LINE * (Math.max(0, -left) + Math.max(0, right - 1)) + (right - left) * Math.max(0, -low);
