import type { GpuContext } from './device.ts';
import { workgroupFor } from './kernels/matvec.ts';
import { project } from './kernels/project.ts';
import { hardwareTuning } from './tuning.ts';
import type { GpuWeights } from './weights.ts';

/**
 * Sizes of the workgroups in which a decoded row is multiplied with a matrix; 32 lanes share four matrix rows in all of
 * them, so every sum keeps its order.
 */
export const productWorkgroups = [hardwareTuning.matvec.workgroup, 128, 64] as const;

/** Another size than the usual one must be that much faster: what is less may be noise. */
const WORTH = 0.95;
const ROUNDS = 5;
/** After so long there are no more rounds. */
const BUDGET_MS = 250;
const BYTES_PER_ROUND = 2 ** 26;
const MOST_DISPATCHES = 128;

/**
 * Which size multiplies the model's largest kind of matrix fastest: by turns, the fastest round of each, on the weights
 * themselves. A device without a clock is timed from its submits to their ends, so a round has many dispatches.
 *
 * @returns one of {@link productWorkgroups}
 */
export async function fastestWorkgroup(context: GpuContext, weights: GpuWeights): Promise<number> {
  const scope = context.ledger.scope('autotune');
  try {
    const [matrix] = weights.matrix('gateUp').parts;
    if (!matrix) throw new Error('a matrix has no parts');
    const x = scope.storage('autotune/x', 4 * matrix.cols);
    const y = scope.storage('autotune/y', 4 * matrix.rows);
    const none = weights.vector(0);
    const { lanes } = context.tuning.matvec;
    const products = await Promise.all(
      productWorkgroups.map((workgroup) => {
        const recorder = context.kernels.record(scope);
        recorder.add(
          project,
          {
            ...{ matrix, yStride: matrix.rows, add: false, biased: false },
            input: { kind: 'plain' },
            tuning: workgroupFor(matrix.rows, { workgroup, lanes }),
          },
          { x, gain: none, w: matrix.buffer, bias: none, y },
        );
        return recorder.finish();
      }),
    );
    await scope.settled();
    const dispatches = Math.min(MOST_DISPATCHES, Math.ceil(BYTES_PER_ROUND / matrix.buffer.size));
    const best = productWorkgroups.map(() => Infinity);
    const startMs = performance.now();
    for (let round = 0; round < ROUNDS && performance.now() - startMs < BUDGET_MS; round++) {
      for (const [i, product] of products.entries()) {
        const encoder = context.device.createCommandEncoder({ label: 'autotune' });
        const pass = encoder.beginComputePass();
        for (let n = 0; n < dispatches; n++) product.replay(pass);
        pass.end();
        const submittedMs = performance.now();
        context.device.queue.submit([encoder.finish()]);
        await context.wait(context.device.queue.onSubmittedWorkDone());
        best[i] = Math.min(best[i] ?? Infinity, performance.now() - submittedMs);
      }
    }
    return fastestOf(best);
  } finally {
    scope.free();
  }
}

/** @param bestMs of each of {@link productWorkgroups}; the first is the usual one */
export function fastestOf(bestMs: readonly number[]): number {
  const [usual, ...others] = productWorkgroups;
  const least = Math.min(...bestMs);
  if (!(least < WORTH * (bestMs[0] ?? Infinity))) return usual;
  return others.find((_, i) => bestMs[i + 1] === least) ?? usual;
}
