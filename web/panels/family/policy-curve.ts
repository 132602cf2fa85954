import type { MeasuredPolicies, MeasuredPolicy, PolicyTable } from '../../../worker/protocol/policy-table.ts';
import { commonPrefix, roundTicks, withLabels, type Labelled } from './placed-labels.ts';

/** Where something is in the chart. `x` goes right by the logarithm of KV, `y` goes up, both from 0 to 1. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** A model with everything kept. */
export interface SharingPoint extends Place {
  readonly id: string;
  readonly name: string;
  readonly kvBytes: number;
  readonly bitsPerByte: number;
}

/** The chosen model under one policy at several budgets, the largest first. */
export interface PolicyLine {
  readonly policy: string;
  readonly less: boolean;
  /** From everything kept to the smallest budget. */
  readonly places: readonly Place[];
  readonly points: readonly (MeasuredPolicy & Place)[];
}

export interface PolicyCurve {
  /** Every model that was measured, by KV. */
  readonly sharing: readonly Labelled<SharingPoint>[];
  /** Of the chosen model; empty if it was not measured. */
  readonly lines: readonly PolicyLine[];
  readonly chosen: SharingPoint | null;
  readonly bitsTicks: readonly { readonly y: number; readonly bits: number }[];
  /** Powers of two. */
  readonly bytesTicks: readonly { readonly x: number; readonly bytes: number }[];
}

/** Both ways of saving on one scale: sharing, and the policies of the chosen model. Null if nothing was measured. */
export function policyCurve({ models }: PolicyTable, chosenId: string): PolicyCurve | null {
  if (models.length === 0) return null;
  const chosen = models.find(({ id }) => id === chosenId);
  const shown = [...models, ...(chosen?.points ?? [])];
  const ticks = roundTicks(shown.map(({ bitsPerByte }) => bitsPerByte));
  const bottom = ticks[0] ?? 0;
  const height = (ticks.at(-1) ?? 1) - bottom;
  const logs = shown.map(({ kvBytes }) => Math.log2(kvBytes));
  const left = Math.floor(Math.min(...logs));
  const width = Math.max(1, Math.ceil(Math.max(...logs)) - left);
  const placeOf = ({ kvBytes, bitsPerByte }: { readonly kvBytes: number; readonly bitsPerByte: number }) => ({
    x: (Math.log2(kvBytes) - left) / width,
    y: (bitsPerByte - bottom) / height,
  });
  const prefix = commonPrefix(models.map(({ id }) => id)).length;
  const sharing = [...models]
    .sort((a, b) => a.kvBytes - b.kvBytes)
    .map(({ id, kvBytes, bitsPerByte }) => ({
      ...{ id, kvBytes, bitsPerByte, name: id.slice(prefix) },
      ...placeOf({ kvBytes, bitsPerByte }),
    }));
  return {
    sharing: withLabels(sharing),
    lines: chosen ? linesOf(chosen, placeOf) : [],
    chosen: sharing.find(({ id }) => id === chosenId) ?? null,
    bitsTicks: ticks.map((bits) => ({ y: (bits - bottom) / height, bits })),
    bytesTicks: Array.from({ length: width + 1 }, (_, i) => ({ x: i / width, bytes: 2 ** (left + i) })),
  };
}

function linesOf(
  model: MeasuredPolicies,
  placeOf: (point: MeasuredPolicies | MeasuredPolicy) => Place,
): readonly PolicyLine[] {
  const policies = [...new Set(model.points.map(({ policy }) => policy))];
  return policies.flatMap((policy) =>
    [false, true].flatMap((less): PolicyLine[] => {
      const points = model.points
        .filter((point) => point.policy === policy && point.less === less)
        .sort((a, b) => b.rows - a.rows)
        .map((point) => ({ ...point, ...placeOf(point) }));
      return points.length === 0 ? [] : [{ policy, less, points, places: [placeOf(model), ...points] }];
    }),
  );
}
