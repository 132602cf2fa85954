import type { GivenTokens } from '../backend.ts';
import type { SharedForward } from './batch-recordings.ts';
import type { LikelihoodReader } from './likelihood-reader.ts';
import type { Scope } from './memory.ts';

/** A token that is wanted of one row of one step. */
interface WantedOfRow {
  readonly row: number;
  /** Of the step. */
  readonly index: number;
  readonly token: number;
  /** Among the wanted tokens of its text. */
  readonly place: number;
}

/** The likelihoods that are wanted of tokens which several texts are given: step by step, and read back at the end. */
export class FedLikelihoods {
  readonly #reader: LikelihoodReader;
  readonly #given: readonly GivenTokens[];
  readonly #wanted: readonly WantedOfRow[];
  /** The steps of which something is wanted, in order. */
  readonly #steps: readonly number[];

  /**
   * @param logits those of a step, a row for each text
   * @returns null if nothing is wanted
   */
  static async open(
    shared: SharedForward,
    scope: Scope,
    given: readonly GivenTokens[],
    logits: GPUBuffer,
  ): Promise<FedLikelihoods | null> {
    const wanted = given.flatMap(({ likelihoods }, row) =>
      (likelihoods?.wanted ?? []).map(({ position, token }, place): WantedOfRow => ({
        row,
        index: position,
        token,
        place,
      })),
    );
    if (wanted.length === 0) return null;
    wanted.sort((a, b) => a.index - b.index || a.row - b.row || a.place - b.place);
    const steps = [...new Set(wanted.map(({ index }) => index))];
    const { LikelihoodReader: readerOf } = await import('./likelihood-reader.ts');
    const rows = given.length;
    const reader = await readerOf.open(
      shared,
      scope,
      wanted.map(({ row, index, token }) => ({ position: index * rows + row, token })),
      steps.map((step) => ({ first: step * rows, count: rows })),
      logits,
    );
    return new FedLikelihoods(reader, given, wanted, steps);
  }

  private constructor(
    reader: LikelihoodReader,
    given: readonly GivenTokens[],
    wanted: readonly WantedOfRow[],
    steps: readonly number[],
  ) {
    this.#reader = reader;
    this.#given = given;
    this.#wanted = wanted;
    this.#steps = steps;
  }

  /** Whether something is wanted of a step. */
  wants(step: number): boolean {
    return this.#steps.includes(step);
  }

  /** Adds the work of a step to a pass, behind the dispatches that compute its logits. */
  replay(pass: GPUComputePassEncoder, step: number): void {
    this.#reader.replay(pass, this.#steps.indexOf(step));
  }

  /**
   * Reads all likelihoods back and passes them on.
   *
   * @returns where logits are not finite; null if all are
   */
  async handOn(): Promise<Pick<WantedOfRow, 'row' | 'index'> | null> {
    const read = await this.#reader.read();
    for (const [i, each] of this.#wanted.entries()) {
      const likelihood = read[i];
      if (!likelihood) return each;
      this.#given[each.row]?.likelihoods?.onLikelihood(each.place, likelihood);
    }
    return null;
  }
}
