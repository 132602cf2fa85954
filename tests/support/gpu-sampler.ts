import type { GpuContext } from '../../gpu/webgpu/device.ts';
import type { Recording } from '../../gpu/webgpu/kernel.ts';
import { sample } from '../../gpu/webgpu/kernels/sample.ts';
import type { Scope } from '../../gpu/webgpu/memory.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import { packSampling, SAMPLING_BYTES } from '../../gpu/webgpu/pack-sampling.ts';
import { ROW_WORDS } from '../../gpu/kv/rows.ts';
import { positionOnly } from './kernels.ts';

/** Draws tokens repeatedly from equal logits. Each token joins the history of the next, as in a decoder. */
export async function drawText(
  context: GpuContext,
  logits: Float32Array<ArrayBuffer>,
  settings: readonly SamplingOptions[],
): Promise<readonly number[]> {
  const scope = context.ledger.scope('test of sampling');
  try {
    return await new Drawing(context, logits, scope).draw(settings);
  } finally {
    scope.free();
  }
}

class Drawing {
  readonly #context: GpuContext;
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #scope: Scope;

  constructor(context: GpuContext, logits: Float32Array<ArrayBuffer>, scope: Scope) {
    this.#context = context;
    this.#logits = logits;
    this.#scope = scope;
  }

  async draw(settings: readonly SamplingOptions[]): Promise<readonly number[]> {
    const { device, kernels, tuning } = this.#context;
    const scope = this.#scope;
    const pristine = scope.storage('pristine', this.#logits.byteLength);
    const logits = scope.storage('logits', this.#logits.byteLength);
    const seen = scope.storage('seen', this.#logits.byteLength);
    const tokens = scope.storage('tokens', 4 * (settings.length + 1));
    const options = scope.storage('options', SAMPLING_BYTES);
    const drawn = scope.storage('drawn', 4);
    const rows = scope.storage('rows', 4 * ROW_WORDS);
    device.queue.writeBuffer(pristine, 0, this.#logits);

    const recorder = kernels.record(scope);
    const params = {
      vocabSize: this.#logits.length,
      tokenPlaces: settings.length + 1,
      workgroup: tuning.sampleWorkgroup,
    };
    recorder.add(sample, params, { logits, tokens, seen, options, rows, drawn });
    const recording: Recording = await recorder.finish();
    for (const [position, setting] of settings.entries()) {
      device.queue.writeBuffer(options, 0, packSampling(setting));
      device.queue.writeBuffer(rows, 0, new Uint32Array(positionOnly(position)));
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(pristine, 0, logits, 0, this.#logits.byteLength);
      const pass = encoder.beginComputePass();
      recording.replay(pass);
      pass.end();
      device.queue.submit([encoder.finish()]);
      if (position % 50 === 49) await this.#context.wait(device.queue.onSubmittedWorkDone());
    }

    const bytes = 4 * (settings.length + 1);
    const staging = scope.staging('read-back', bytes);
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(tokens, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await this.#context.wait(staging.mapAsync(GPUMapMode.READ));
    return [...new Uint32Array(staging.getMappedRange(0, bytes).slice(0))];
  }
}
