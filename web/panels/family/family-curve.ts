import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { formatBits, formatBytes } from '../../ui/format.ts';
import { kvFraction, type KvFraction } from '../../ui/kv-fraction.ts';
import type { ModelEntry } from '../../models/model-index.ts';
import { commonPrefix, roundTicks, withLabels, type LabelSide } from './placed-labels.ts';
import { words } from './words.ts';

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

/** A model that was or is healed for a plan, by the same measure as the family. */
export interface Healed {
  readonly key: string;
  readonly model: string;
  readonly layerTypes: string;
  readonly slidingWindow: number;
  readonly steps: number;
  readonly bitsPerByte: number;
  /** Bits per byte before the first step; null if they are not known. */
  readonly before: number | null;
}

/** A healed model as a point: a hollow dot. */
export interface HealedPoint
  extends Healed, Pick<CurvePoint, 'name' | 'kvBytes' | 'fraction' | 'x' | 'y' | 'label'> {
  /** Where the dot was before the first step. */
  readonly fromY: number | null;
}

export interface FamilyCurve {
  readonly contextTokens: number;
  /** Ascending by memory. */
  readonly points: readonly CurvePoint[];
  /** The points that no other beats in both memory and quality. */
  readonly frontier: readonly CurvePoint[];
  /** Ascending by memory. */
  readonly healed: readonly HealedPoint[];
  readonly bitsTicks: readonly { readonly y: number; readonly bits: number }[];
  /** The point with the most memory, which the others are compared with. */
  readonly plain: CurvePoint;
}

/** Bits per byte as the panel writes them. */
export const bitsOf = (bitsPerByte: number) => formatBits(bitsPerByte, 3);

/** The cells of a table of points: one row each, numbered. */
export const tableRows = (
  points: readonly Pick<CurvePoint, 'id' | 'kvBytes' | 'fraction' | 'bitsPerByte'>[],
): readonly (readonly [number, ...string[]])[] =>
  points.map(({ id, kvBytes, fraction, bitsPerByte }, i) => [
    i + 1,
    id,
    formatBytes(kvBytes),
    fraction,
    bitsOf(bitsPerByte),
  ]);

/** The curve of the measured models, with healed ones beside them; null if there are fewer than two, or if their contexts differ. */
export function familyCurve(
  models: readonly ModelEntry[],
  healed: readonly Healed[] = [],
): FamilyCurve | null {
  const measured = models
    .flatMap(({ id, stored, measured: found }) => (found ? [{ id, stored, ...found }] : []))
    .sort((a, b) => a.kvBytesAtContext - b.kvBytesAtContext || a.bitsPerByte - b.bitsPerByte);
  const [least, ...others] = measured;
  const most = others.at(-1);
  if (!least || !most) return null;
  const { contextTokens } = least;
  if (others.some((other) => other.contextTokens !== contextTokens)) return null;

  const ticks = roundTicks([
    ...measured.map(({ bitsPerByte }) => bitsPerByte),
    ...healed.flatMap(({ bitsPerByte, before }) => [bitsPerByte, before ?? bitsPerByte]),
  ]);
  const bottom = ticks[0] ?? 0;
  const height = (ticks.at(-1) ?? 1) - bottom;
  const prefix = commonPrefix(measured.map(({ id }) => id));
  const yOf = (bits: number) => (bits - bottom) / height;
  const trained = measured.map(({ id, stored, kvBytesAtContext: kvBytes, bitsPerByte }) => ({
    id,
    name: id.slice(prefix.length),
    kvBytes,
    fraction: fractionOf(stored, contextTokens)?.text ?? '–',
    bitsPerByte,
    x: kvBytes / most.kvBytesAtContext,
    y: yOf(bitsPerByte),
  }));
  const beside = healed.flatMap((model) => {
    const fraction = fractionOf(model, contextTokens);
    if (!fraction) return [];
    return {
      ...model,
      name: words.healing.step(model.steps),
      kvBytes: fraction.value * most.kvBytesAtContext,
      fraction: fraction.text,
      ...{ x: fraction.value, y: yOf(model.bitsPerByte) },
      fromY: model.before === null ? null : yOf(model.before),
    };
  });
  const labels = withLabels([...trained, ...beside]).map(({ label }) => label);
  const labelled = <Point>(those: readonly Point[], from: number) =>
    those.map((point, i) => ({ ...point, label: labels[from + i] ?? 'right' }));
  const points = labelled(trained, 0);
  return {
    contextTokens,
    points,
    frontier: points.filter((point, i) =>
      points.slice(0, i).every(({ bitsPerByte }) => bitsPerByte > point.bitsPerByte),
    ),
    healed: labelled(beside, trained.length).sort((a, b) => a.kvBytes - b.kvBytes),
    bitsTicks: ticks.map((bits) => ({ y: yOf(bits), bits })),
    plain: points.at(-1) as CurvePoint, // there are at least two
  };
}

/** Null for a plan that cannot be read. */
function fractionOf(
  { layerTypes, slidingWindow }: Pick<ModelEntry['stored'], 'layerTypes' | 'slidingWindow'>,
  contextTokens: number,
): KvFraction | null {
  const plan = parseLayerTypes(layerTypes, layerTypes.split('_').length);
  if (!plan.ok) return null;
  return kvFraction({ layers: plan.value, windowTokens: slidingWindow }, contextTokens, null);
}
