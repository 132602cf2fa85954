import type { PrefillOptions } from '../backend.ts';
import { frozenAfter, mayFreeze } from '../kv/freezing.ts';
import type { Passes } from '../plan/forward-plan.ts';
import type { PrefillPass } from '../plan/prefill-schedule.ts';
import type { StepForward } from './forward.ts';
import { stepStride } from './kernel.ts';
import type { PrefillLayout, SteppedBlock } from './prefill-layout.ts';
import type { PrefillStep } from './prefill-steps.ts';
import type { ChunkOfTurn } from './prompt-blocks.ts';
import type { TurnOfText } from './prompt-stores.ts';
import { packSteps } from './step.ts';
import type { PassWatch } from './watch-passes.ts';

/** What is read, and what else is asked of it. */
interface FreezingRequest {
  readonly mode: PrefillOptions['mode'];
  readonly turns: readonly TurnOfText[];
  readonly asked: Pick<PrefillOptions, 'onHidden' | 'onAttention'>;
}

/** A step that is written again for every pass, and the chunk whose rows it can take. */
interface ChunkStep {
  readonly chunk: ChunkOfTurn;
  readonly step: PrefillStep;
}

/**
 * Which rows the passes over a group leave out: see kv/freezing.ts. It reads back how far each pass moved the rows, so
 * passes wait for each other.
 */
export class FrozenRows {
  readonly #forward: StepForward;
  readonly #layout: PrefillLayout;
  readonly #chunkSteps: readonly ChunkStep[];
  /** Rows of each turn that are left out, from the first on. */
  #frozen: readonly number[] = [];
  #steps: GPUBuffer | null = null;

  /** Null if all passes compute all rows. Adds its steps to those of the layout, which must not have been written. */
  static of(
    forward: StepForward,
    layout: PrefillLayout,
    passes: Passes,
    { mode, turns, asked }: FreezingRequest,
  ): FrozenRows | null {
    const scores = turns.some(({ session }) => (session.eviction?.run.scoring ?? null) !== null);
    const freezes = mode === 'parallel' && mayFreeze(passes, { ...asked, scores });
    return freezes ? new FrozenRows(forward, layout) : null;
  }

  private constructor(forward: StepForward, layout: PrefillLayout) {
    this.#forward = forward;
    this.#layout = layout;
    this.#chunkSteps = layout.blocks.flatMap(({ chunks, countsAs, firstRow }) => {
      let at = firstRow;
      return chunks.map((chunk): ChunkStep => {
        at += chunk.rows;
        const { rows } = chunk;
        return { chunk, step: layout.steps.add({ firstRow: at - rows, rows, countsAs }, [chunk]) };
      });
    });
  }

  /** A pass is about to begin. Nothing is left out of a group's first. */
  enter({ pass }: PrefillPass, steps: GPUBuffer): void {
    this.#steps = steps;
    if (pass === 0) this.#frozen = [];
  }

  /** What the next pass computes. No query of it counts for scores. */
  get steps(): readonly Pick<SteppedBlock, 'step' | 'scored'>[] {
    if (this.#frozen.every((rows) => rows === 0)) return this.#layout.blocks;
    return this.#chunkSteps.flatMap(({ chunk, step }) => {
      const out = Math.max(0, (this.#frozen[chunk.turn] ?? 0) - chunk.firstRow);
      const rows = chunk.rows - out;
      if (rows <= 0) return [];
      const rest = { ...chunk, firstRow: chunk.firstRow + out, rows };
      const segments = [{ first: 0, rows }];
      return {
        step: { ...step, firstRow: step.firstRow + out, rows, chunks: [rest], segments },
        scored: null,
      };
    });
  }

  /** A pass was run: the rows that it moved too little are left out from now on. */
  async note(watch: PassWatch | undefined, { pass, passes }: PrefillPass): Promise<void> {
    if (!watch || pass === passes - 1) return;
    const relative = await watch.readPass(this.#forward, pass);
    const turns = Math.max(...this.#chunkSteps.map(({ chunk }) => chunk.turn)) + 1;
    this.#frozen = Array.from({ length: turns }, (_, turn) => {
      const rows = this.#chunkSteps.reduce(
        (sum, { chunk }) => sum + (chunk.turn === turn ? chunk.rows : 0),
        0,
      );
      const frozen = this.#frozen[turn] ?? 0;
      const moved = Array.from(
        { length: rows - frozen },
        (__, i) => relative[this.#layout.placeOf(turn, frozen + i)] ?? Infinity,
      );
      return frozenAfter(moved, frozen, this.#forward.kvPrecision);
    });
    const { queue } = this.#forward.context.device;
    for (const { step } of this.steps) {
      if (this.#steps) queue.writeBuffer(this.#steps, step.index * stepStride, packSteps([step]));
    }
  }
}
