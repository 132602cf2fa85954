import { paddedCols } from '../numbers/matrix-format.ts';
import type { StepForward } from './forward.ts';
import { rmsNorm } from './kernels/rms-norm.ts';
import type { Scope } from './memory.ts';
import type { Job } from './pacer.ts';
import type { PrefillBuffers } from './prefill-layer.ts';
import { replayStep, type PrefillStep } from './prefill-steps.ts';

// Loaded only for a prefill whose hidden states are wanted.

/** Copies of a turn's hidden states: after the embedding, after each layer, and after the final norm. */
export class HiddenStates {
  readonly #forward: StepForward;
  readonly #scope: Scope;
  readonly #buffers: PrefillBuffers;
  readonly #rows: number;
  /** For each state `[rows, padded hiddenSize]`. */
  readonly #staging: readonly GPUBuffer[];

  /** @param scope owns the copies */
  static async open(
    forward: StepForward,
    scope: Scope,
    buffers: PrefillBuffers,
    rows: number,
  ): Promise<HiddenStates> {
    const bytes = 4 * rows * paddedCols(forward.dims.hiddenSize);
    const states = forward.sharing.layers.length + 2;
    const staging = Array.from({ length: states }, (_, state) =>
      scope.staging(`hidden state ${state}`, bytes),
    );
    await scope.settled();
    return new HiddenStates(forward, scope, buffers, rows, staging);
  }

  private constructor(
    forward: StepForward,
    scope: Scope,
    buffers: PrefillBuffers,
    rows: number,
    staging: readonly GPUBuffer[],
  ) {
    this.#forward = forward;
    this.#scope = scope;
    this.#buffers = buffers;
    this.#rows = rows;
    this.#staging = staging;
  }

  get #rowBytes(): number {
    return 4 * paddedCols(this.#forward.dims.hiddenSize);
  }

  /** Keeps all rows as they are now. */
  copy(state: number): Job {
    return this.#copyRows(state, 0, this.#rows);
  }

  /** Keeps one row, if rows are computed one after the other. */
  copyRow(state: number, row: number): Job {
    return this.#copyRows(state, row, 1);
  }

  #copyRows(state: number, first: number, rows: number): Job {
    const to = this.#staging[state];
    const [from, bytes] = [first * this.#rowBytes, rows * this.#rowBytes];
    return {
      work: 0,
      copy: (encoder) => {
        if (to) encoder.copyBufferToBuffer(this.#buffers.hidden, from, to, from, bytes);
      },
    };
  }

  /**
   * Reads everything back, state by state.
   *
   * @param runs steps on all rows
   */
  async read(
    runs: readonly PrefillStep[],
    onHidden: (state: number, rows: Float32Array) => void,
  ): Promise<void> {
    const { context, dims, weights } = this.#forward;
    const { hidden, normed, steps: step } = this.#buffers;
    const recorder = context.kernels.record(this.#scope);
    const cols = paddedCols(dims.hiddenSize);
    const norm = { dim: dims.hiddenSize, cols, eps: dims.rmsNormEps };
    recorder.add(rmsNorm, norm, { x: hidden, gain: weights.vector(0, 'finalNorm'), y: normed, step });
    const recording = await recorder.finish();
    const last = this.#staging.at(-1);
    for (const run of last ? runs : []) {
      const encoder = context.device.createCommandEncoder({ label: 'final norm' });
      const pass = encoder.beginComputePass();
      replayStep(recording, pass, run);
      pass.end();
      const bytes = run.rows * this.#rowBytes;
      if (last) encoder.copyBufferToBuffer(normed, 0, last, run.firstRow * this.#rowBytes, bytes);
      context.device.queue.submit([encoder.finish()]);
    }
    for (const [state, staging] of this.#staging.entries()) {
      await context.wait(staging.mapAsync(GPUMapMode.READ));
      const padded = new Float32Array(staging.getMappedRange());
      const rows = new Float32Array(this.#rows * dims.hiddenSize);
      for (let row = 0; row < this.#rows; row++) {
        rows.set(padded.subarray(row * cols, row * cols + dims.hiddenSize), row * dims.hiddenSize);
      }
      staging.unmap();
      onHidden(state, rows);
    }
  }
}
