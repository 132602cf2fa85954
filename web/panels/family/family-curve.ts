import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { kvFraction } from '../../ui/kv-fraction.ts';
import type { ModelEntry } from '../../models/model-index.ts';

/** A model that ships, as a point of memory and quality. `x` goes right and `y` goes up, both from 0 to 1. */
export interface CurvePoint {
  readonly id: string;
  /** The id without the prefix that all ids have in common. */
  readonly name: string;
  readonly kvBytes: number;
  /** Of plain LLaMA's KV, in words. */
  readonly fraction: string;
  readonly bitsPerByte: number;
  readonly x: number;
  readonly y: number;
  readonly label: LabelSide;
}

/** The sides of a dot where its name may stand, in order of preference. */
const labelSides = ['right', 'left', 'above', 'below'] as const;
export type LabelSide = (typeof labelSides)[number];

export interface FamilyCurve {
  readonly contextTokens: number;
  /** Ascending by memory. */
  readonly points: readonly CurvePoint[];
  /** The points that no other beats in both memory and quality. */
  readonly frontier: readonly CurvePoint[];
  readonly bitsTicks: readonly { readonly y: number; readonly bits: number }[];
  /** The point with the most memory, which the others are compared with. */
  readonly plain: CurvePoint;
}

type Unlabelled = Omit<CurvePoint, 'label'>;

/** The curve of the measured models; null if there are fewer than two, or if their contexts differ. */
export function familyCurve(models: readonly ModelEntry[]): FamilyCurve | null {
  const measured = models
    .flatMap(({ id, stored, measured: found }) => (found ? [{ id, stored, ...found }] : []))
    .sort((a, b) => a.kvBytesAtContext - b.kvBytesAtContext || a.bitsPerByte - b.bitsPerByte);
  const [least, ...others] = measured;
  const most = others.at(-1);
  if (!least || !most) return null;
  const { contextTokens } = least;
  if (others.some((other) => other.contextTokens !== contextTokens)) return null;

  const ticks = roundTicks(measured.map(({ bitsPerByte }) => bitsPerByte));
  const bottom = ticks[0] ?? 0;
  const height = (ticks.at(-1) ?? 1) - bottom;
  const prefix = commonPrefix(measured.map(({ id }) => id));
  const points = withLabels(
    measured.map(({ id, stored, kvBytesAtContext: kvBytes, bitsPerByte }) => ({
      id,
      name: id.slice(prefix.length),
      kvBytes,
      fraction: fractionOf(stored, contextTokens),
      bitsPerByte,
      x: kvBytes / most.kvBytesAtContext,
      y: (bitsPerByte - bottom) / height,
    })),
  );
  return {
    contextTokens,
    points,
    frontier: points.filter((point, i) =>
      points.slice(0, i).every(({ bitsPerByte }) => bitsPerByte > point.bitsPerByte),
    ),
    bitsTicks: ticks.map((bits) => ({ y: (bits - bottom) / height, bits })),
    plain: points.at(-1) as CurvePoint, // there are at least two
  };
}

function fractionOf({ layerTypes, slidingWindow }: ModelEntry['stored'], contextTokens: number): string {
  const plan = parseLayerTypes(layerTypes, layerTypes.split('_').length);
  if (!plan.ok) return '–';
  return kvFraction({ layers: plan.value, windowTokens: slidingWindow }, contextTokens, null).text;
}

/** Evenly spaced round numbers; the first is below all values and the last is above. */
function roundTicks(values: readonly number[]): readonly number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const rough = Math.max((most - least) / 4, 1e-3);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(least / step - 0.05);
  const last = Math.ceil(most / step + 0.05);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** The common start of all ids, up to a hyphen. */
function commonPrefix(ids: readonly string[]): string {
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
function withLabels(points: readonly Unlabelled[]): readonly CurvePoint[] {
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

function boxOf({ x, y, name }: Unlabelled, side: LabelSide): Box {
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

/** How much of a name lies outside the plot, which counts as much as covering another. */
const outside = ({ left, right }: Box) => LINE * (Math.max(0, -left) + Math.max(0, right - 1));
