import { paddedCols } from '../numbers/matrix-format.ts';
import { firstNotFinite } from '../numbers/finite.ts';
import { recordEmbedding, recordLayer } from './decode.ts';
import type { Forward } from './forward.ts';

/**
 * Where the hidden state of a position leaves the finite numbers. Decodes the position once more, layer by layer, from
 * the present KV. Its row table must already name the position.
 */
export async function findNotFinite(forward: Forward): Promise<number | 'embedding' | 'head'> {
  const { context, dims, session, sharing } = forward;
  const scope = context.ledger.scope('search for numbers that are not finite');
  try {
    const bytes = 4 * paddedCols(dims.hiddenSize);
    const staging = scope.staging('hidden states', bytes * (1 + sharing.layers.length));
    const embedding = context.kernels.record(scope);
    recordEmbedding(embedding, forward);
    const layers = sharing.layers.map((layer) => {
      const recorder = context.kernels.record(scope);
      recordLayer(recorder, forward, layer);
      return recorder;
    });
    const recordings = await Promise.all([embedding, ...layers].map((recorder) => recorder.finish()));
    await scope.settled();
    const encoder = context.device.createCommandEncoder({ label: 'search' });
    recordings.forEach((recording, stage) => {
      const pass = encoder.beginComputePass();
      recording.replay(pass);
      pass.end();
      encoder.copyBufferToBuffer(session.hidden, 0, staging, stage * bytes, bytes);
    });
    context.device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    const states = new Float32Array(staging.getMappedRange());
    const stride = bytes / 4;
    return firstNotFinite(
      recordings.map((_, stage) => states.subarray(stage * stride, stage * stride + dims.hiddenSize)),
    );
  } finally {
    scope.free();
  }
}
