import type { Divergence } from '../../worker/protocol/evaluate.ts';
import { formatPercent } from './format.ts';
import { words } from './words.ts';

/** A divergence in three figures. */
export interface DivergenceFigures {
  readonly agreement: number;
  readonly meanKl: number;
  readonly maxKl: number;
  /** The index of the largest KL. */
  readonly worst: number;
}

/** @returns null if no position was compared */
export function divergenceFigures({ kl, agrees }: Divergence): DivergenceFigures | null {
  if (kl.length === 0) return null;
  let worst = 0;
  let sum = 0;
  for (const [i, value] of kl.entries()) {
    sum += value;
    if (value > (kl[worst] ?? 0)) worst = i;
  }
  const agreement = agrees.filter(Boolean).length / agrees.length;
  return { agreement, meanKl: sum / kl.length, maxKl: kl[worst] ?? 0, worst };
}

/** `0`, `0.0042`, `3.1`. */
export const formatNats = (nats: number) =>
  nats === 0 ? '0' : nats < 1e-6 ? '< 0.000001' : String(Number(nats.toPrecision(2)));

/** `Top-1 agreement 95 % of 40 positions, KL 0.01 nats per position on average, 0.2 at most.` */
export function describeDivergence(divergence: Divergence): string {
  const figures = divergenceFigures(divergence);
  if (!figures) return words.noPosition;
  const count = divergence.kl.length;
  const left = divergence.of - count;
  const leftOut = left > 0 ? words.leftOut(left) : '';
  return (
    words.divergence(
      formatPercent(figures.agreement),
      count,
      formatNats(figures.meanKl),
      formatNats(figures.maxKl),
    ) + leftOut
  );
}
