import type { BackendError } from '../backend-error.ts';
import { allFinite } from '../numbers/finite.ts';
import type { StepForward } from './forward.ts';
import type { Scope } from './memory.ts';
import { recordLogits, type PrefillBuffers } from './prefill-layer.ts';
import { replayStep, type PrefillStep } from './prefill-steps.ts';

/**
 * Computes the logits of rows of a turn, a run at a time, and hands them on.
 *
 * @param runs      steps on neighboring rows
 * @param notFinite the failure of a row whose logits are not finite
 */
export async function readPromptLogits(
  forward: StepForward,
  scope: Scope,
  buffers: PrefillBuffers,
  runs: readonly PrefillStep[],
  onLogits: (row: number, logits: Float32Array) => void,
  notFinite: (row: number) => Promise<BackendError>,
): Promise<void> {
  const { context, dims } = forward;
  const rowBytes = 4 * dims.vocabSize;
  const mostRows = Math.max(...runs.map(({ rows }) => rows));
  const logits = scope.storage('logits', mostRows * rowBytes);
  const staging = scope.staging('logits read-back', mostRows * rowBytes);
  await scope.settled();
  const recording = await recordLogits(forward, scope, buffers.hidden, buffers, logits);
  for (const run of runs) {
    const encoder = context.device.createCommandEncoder({ label: 'logits' });
    const pass = encoder.beginComputePass();
    replayStep(recording, pass, run);
    pass.end();
    encoder.copyBufferToBuffer(logits, 0, staging, 0, run.rows * rowBytes);
    context.device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    const values = new Float32Array(staging.getMappedRange());
    for (let row = 0; row < run.rows; row++) {
      const from = row * dims.vocabSize;
      const rowLogits = values.subarray(from, from + dims.vocabSize);
      if (!allFinite(rowLogits)) throw await notFinite(run.firstRow + row);
      onLogits(run.firstRow + row, rowLogits);
    }
    staging.unmap();
  }
}
