import type { StepForward } from './forward.ts';
import { stepStride, type Recording } from './kernel.ts';
import type { Scope } from './memory.ts';
import type { Job } from './pacer.ts';
import type { ChunkOfTurn } from './prompt-blocks.ts';
import { packSteps, type SegmentedStep } from './step.ts';

/** A step of a prefill. */
export interface PrefillStep extends SegmentedStep {
  /** In the step buffer. */
  readonly index: number;
  /** The number of rows by which its kernels are chosen. */
  readonly countsAs: number;
  /** The rows that it works on; empty if kernels need not know whose they are. */
  readonly chunks: readonly ChunkOfTurn[];
}

type Rows = Pick<PrefillStep, 'firstRow' | 'rows' | 'countsAs'>;

/** The steps of a prefill. */
export class PrefillSteps {
  readonly #windowTokens: number;
  readonly #steps: PrefillStep[] = [];

  constructor(windowTokens: number) {
    this.#windowTokens = windowTokens;
  }

  /**
   * Adds a step.
   *
   * @param chunks the rows, one behind the other
   * @param told   the chunks that kernels which tell texts apart work on
   */
  add({ firstRow, rows, countsAs }: Rows, chunks: readonly ChunkOfTurn[] = [], told = chunks): PrefillStep {
    let first = 0;
    const segments = chunks.flatMap((chunk) => {
      first += chunk.rows;
      return told.includes(chunk) ? [{ first: first - chunk.rows, rows: chunk.rows }] : [];
    });
    const index = this.#steps.length;
    const step = { index, firstRow, rows, countsAs, windowTokens: this.#windowTokens, chunks, segments };
    this.#steps.push(step);
    return step;
  }

  /** Rows that follow each other, as if they were read alone. */
  addRun(firstRow: number, rows: number): PrefillStep {
    return this.add({ firstRow, rows, countsAs: rows });
  }

  get rowCounts(): ReadonlySet<number> {
    return new Set(this.#steps.map(({ countsAs }) => countsAs));
  }

  /** The steps in memory. */
  write({ context }: StepForward, scope: Scope): GPUBuffer {
    const packed = packSteps(this.#steps);
    const buffer = scope.uniform('steps', packed.byteLength);
    context.device.queue.writeBuffer(buffer, 0, packed);
    return buffer;
  }
}

export function replayStep(
  recording: Recording,
  pass: GPUComputePassEncoder,
  { index, rows, countsAs, segments }: PrefillStep,
): void {
  recording.replay(pass, index * stepStride, rows, countsAs, Math.max(1, segments.length));
}

/** @param workPerRow multiply-adds */
export const replayJob = (recording: Recording, step: PrefillStep, workPerRow: number): Job => ({
  work: step.rows * workPerRow,
  dispatch: (pass) => {
    replayStep(recording, pass, step);
  },
});
