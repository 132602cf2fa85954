/** What a result says of each plan, in numbers. */
import type { LargestBatch } from '../../../worker/protocol/largest-batch.ts';
import { timedSizes, type TimedSize } from '../../experiments/timed-sizes.ts';
import { alike, spreadOf, type Spread } from '../../ui/spread.ts';
import { askedOf, type TimedPlans } from './timed-plans.ts';

export interface TimingRow {
  readonly name: string;
  readonly model: string;
  readonly layerTypes: string;
  readonly largest: LargestBatch;
  readonly sizes: readonly TimedSize[];
  /** The speed of one sequence, and of the most that were timed; null if they were not timed. */
  readonly alone: Spread | null;
  readonly together: { readonly batch: number; readonly speed: Spread } | null;
  /** The speed of the most, over that of one; null if both are not known or it is one and the same. */
  readonly gain: number | null;
  /** Beside the first plan, each at its most: how often as fast, or `alike` within the noise; null for the first. */
  readonly besideFirst: number | 'alike' | null;
}

export function timingRows(result: TimedPlans): readonly TimingRow[] {
  const asked = askedOf(result);
  if (!asked) return [];
  const timed = { experiment: asked.experiment, records: result.records };
  const rows: TimingRow[] = [];
  for (const [i, plan] of result.plans.entries()) {
    const largest = result.largest[i];
    if (!largest) continue;
    const sizes = timedSizes(timed, i);
    const speedAt = (size: TimedSize | undefined) => size && spreadOf(size.tokensPerSec);
    const alone = speedAt(sizes.find(({ batch }) => batch === 1)) ?? null;
    const most = sizes.at(-1);
    const speed = speedAt(most);
    const together = most && speed ? { batch: most.batch, speed } : null;
    const gain = alone && together && together.batch > 1 ? together.speed.median / alone.median : null;
    const first = rows[0]?.together;
    rows.push({
      ...plan,
      ...{ largest, sizes, alone, together, gain },
      besideFirst: i > 0 && first && together ? ratio(together.speed, first.speed) : null,
    });
  }
  return rows;
}

const ratio = (own: Spread, first: Spread) => (alike(own, first) ? 'alike' : own.median / first.median);
