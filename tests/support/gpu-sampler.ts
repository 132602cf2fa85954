import type { GpuContext } from '../../gpu/webgpu/device.ts';
import type { Recording } from '../../gpu/webgpu/kernel.ts';
import { foundBytes, stretchesOf } from '../../gpu/webgpu/kernels/sample.ts';
import { recordSampler } from '../../gpu/webgpu/record-sampler.ts';
import type { Scope } from '../../gpu/webgpu/memory.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import { packSampling, SAMPLING_BYTES } from '../../gpu/webgpu/pack-sampling.ts';
import { ROW_WORDS } from '../../gpu/kv/rows.ts';
import { positionOnly } from './kernels.ts';

/**
 * Draws tokens repeatedly from equal logits. Each token joins the history of the next, as in a decoder.
 *
 * @param shared whether workgroups share a row, as on a GPU
 */
export async function drawText(
  context: GpuContext,
  logits: Float32Array<ArrayBuffer>,
  settings: readonly SamplingOptions[],
  shared = false,
): Promise<readonly number[]> {
  const scope = context.ledger.scope('test of sampling');
  try {
    return await new Drawing(context, logits, scope, shared).draw(settings);
  } finally {
    scope.free();
  }
}

class Drawing {
  readonly #context: GpuContext;
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #scope: Scope;
  readonly #shared: boolean;

  constructor(context: GpuContext, logits: Float32Array<ArrayBuffer>, scope: Scope, shared: boolean) {
    this.#context = context;
    this.#logits = logits;
    this.#scope = scope;
    this.#shared = shared;
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
      workgroup: this.#shared ? 256 : tuning.sampleWorkgroup,
      stretches: this.#shared ? stretchesOf(this.#logits.length) : 0,
    };
    const found = scope.storage('found', foundBytes(this.#logits.length));
    recordSampler(recorder, params, { logits, tokens, seen, options, rows, drawn, found });
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

/** Draws the token that follows a text, whose row workgroups share as on a GPU. */
export async function drawShared(
  context: GpuContext,
  values: Float32Array<ArrayBuffer>,
  history: readonly number[],
  setting: SamplingOptions,
): Promise<number> {
  const { device, kernels } = context;
  const scope = context.ledger.scope('test of sampling');
  try {
    const put = (name: string, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => {
      const buffer = scope.storage(name, data.byteLength);
      device.queue.writeBuffer(buffer, 0, data);
      return buffer;
    };
    const vocabSize = values.length;
    const drawn = put('drawn', new Uint32Array(1));
    const recorder = kernels.record(scope);
    recordSampler(
      recorder,
      { vocabSize, tokenPlaces: history.length + 1, workgroup: 256, stretches: stretchesOf(vocabSize) },
      {
        logits: put('logits', values),
        tokens: put('tokens', Uint32Array.from([...history, 0])),
        seen: put('seen', new Uint32Array(vocabSize)),
        options: put('options', new Uint32Array(packSampling(setting))),
        rows: put('rows', new Uint32Array(positionOnly(history.length - 1))),
        drawn,
        // What the step before left.
        found: put('found', new Uint32Array(foundBytes(vocabSize) / 4).fill(0x7fc00001)),
      },
    );
    const recording = await recorder.finish();
    const staging = scope.staging('read-back', 4);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    recording.replay(pass);
    pass.end();
    encoder.copyBufferToBuffer(drawn, 0, staging, 0, 4);
    device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    return new Uint32Array(staging.getMappedRange(0, 4))[0] ?? -1;
  } finally {
    scope.free();
  }
}
