import type { StepForward } from './forward.ts';
import type { Recording } from './kernel.ts';
import { movement } from './kernels/movement.ts';
import type { Scope } from './memory.ts';
import type { Job } from './pacer.ts';
import { passesOf, type Group, type Passes } from '../plan/forward-plan.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { ownersReadFromBelow, relativeMovement, type GroupMovement } from '../plan/movement.ts';
import { storeOf } from './decode.ts';
import type { PrefillBuffers } from './prefill-layer.ts';
import { replayStep, type PrefillStep } from './prefill-steps.ts';

/**
 * Watches one iterated group of a parallel prefill: keeps the stores that are read from below as they were before a pass,
 * and adds up how far the pass moved every row.
 */
export class PassWatch {
  readonly group: Group;
  readonly #scope: Scope;
  readonly #passes: number;
  readonly #turnRows: number;
  readonly #kept: readonly { readonly now: GPUBuffer; readonly before: GPUBuffer }[];
  readonly #recordings: readonly Recording[];
  readonly #sums: GPUBuffer; //    (moved, size) [turn]
  readonly #results: GPUBuffer; // (moved, size) [passes, turn]
  /** Rows that each pass computed; the others it left out. */
  readonly #computed = new Map<number, readonly PrefillStep[]>();

  /** @param turnRows rows of the turn */
  static async open(
    { context, dims, sharing, kvPrecision }: StepForward,
    scope: Scope,
    buffers: PrefillBuffers,
    group: Group,
    passes: Passes,
    turnRows: number,
  ): Promise<PassWatch> {
    const sums = scope.storage('movement', 8 * turnRows);
    const results = scope.storage('movement by pass', 8 * turnRows * passesOf(group, passes));
    const rowWords = kvRowBytes(dims, kvPrecision) / 4;
    const watched = ownersReadFromBelow(sharing, group).map((owner) => {
      const { buffer: now, rows } = storeOf(buffers, owner);
      const before = scope.storage(`kv before the pass/layer-${owner}`, now.size);
      const recorder = context.kernels.record(scope);
      const params = { rowWords, format: kvPrecision };
      recorder.add(movement, params, { now, before, sums, rows, step: buffers.steps });
      return { now, before, recording: recorder.finish() };
    });
    await scope.settled();
    const recordings = await Promise.all(watched.map(({ recording }) => recording));
    return new PassWatch(scope, group, passesOf(group, passes), turnRows, watched, recordings, sums, results);
  }

  private constructor(
    scope: Scope,
    group: Group,
    passes: number,
    turnRows: number,
    kept: readonly { readonly now: GPUBuffer; readonly before: GPUBuffer }[],
    recordings: readonly Recording[],
    sums: GPUBuffer,
    results: GPUBuffer,
  ) {
    this.#scope = scope;
    this.group = group;
    this.#passes = passes;
    this.#turnRows = turnRows;
    this.#kept = kept;
    this.#recordings = recordings;
    this.#sums = sums;
    this.#results = results;
  }

  beforePass(): Job {
    return {
      work: 0,
      copy: (encoder) => {
        for (const { now, before } of this.#kept) encoder.copyBufferToBuffer(now, 0, before, 0, now.size);
        encoder.clearBuffer(this.#sums);
      },
    };
  }

  afterPass(pass: number, steps: readonly PrefillStep[]): readonly Job[] {
    this.#computed.set(pass, steps);
    const bytes = 8 * this.#turnRows;
    const watched = steps.map((step): Job => ({
      work: 0,
      dispatch: (encoder) => {
        for (const recording of this.#recordings) replayStep(recording, encoder, step);
      },
    }));
    return [
      ...watched,
      {
        work: 0,
        copy: (encoder) => {
          encoder.copyBufferToBuffer(this.#sums, 0, this.#results, pass * bytes, bytes);
        },
      },
    ];
  }

  /** Reads the movements, once all passes have run. */
  async read(forward: StepForward): Promise<GroupMovement> {
    const relative = await this.#relative(forward, 0, this.#passes);
    for (let pass = 0; pass < this.#passes; pass++) {
      const computed = this.#computed.get(pass) ?? [];
      for (let row = 0; row < this.#turnRows; row++) {
        if (computed.some(({ firstRow, rows }) => row >= firstRow && row < firstRow + rows)) continue;
        relative[pass * this.#turnRows + row] = NaN;
      }
    }
    return { group: this.group, passes: this.#passes, relative };
  }

  /** Reads how far a pass moved each row, once it has run; 0 for rows that it left out. */
  readPass(forward: StepForward, pass: number): Promise<Float32Array> {
    return this.#relative(forward, pass, 1);
  }

  async #relative({ context }: StepForward, firstPass: number, passes: number): Promise<Float32Array> {
    const passBytes = 8 * this.#turnRows;
    const bytes = passBytes * passes;
    const staging = this.#scope.staging('movement read-back', bytes);
    const encoder = context.device.createCommandEncoder({ label: 'movement' });
    encoder.copyBufferToBuffer(this.#results, firstPass * passBytes, staging, 0, bytes);
    context.device.queue.submit([encoder.finish()]);
    await context.wait(staging.mapAsync(GPUMapMode.READ));
    const sums = new Float32Array(staging.getMappedRange(0, bytes));
    const relative = Float32Array.from({ length: this.#turnRows * passes }, (_, i) =>
      relativeMovement(sums[2 * i] ?? 0, sums[2 * i + 1] ?? 0),
    );
    staging.unmap();
    return relative;
  }
}
