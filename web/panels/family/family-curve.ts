import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { kvFraction } from '../../ui/kv-fraction.ts';
import type { ModelEntry } from '../../models/model-index.ts';
import { commonPrefix, roundTicks, withLabels, type LabelSide } from './placed-labels.ts';

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
