import { argmax } from '../../gpu/numbers/argmax.ts';
import type { Divergence } from '../protocol/evaluate.ts';
import { logSumExp } from './log-sum-exp.ts';

/**
 * KL(p ‖ q) = Σ p · (log p − log q), in nats and float64, of the softmax of two rows of logits.
 * 0 if both are the same; never negative.
 */
export function klDivergence(p: Float32Array, q: Float32Array): number {
  const logSumP = logSumExp(p);
  const logSumQ = logSumExp(q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = (p[i] as number) - logSumP;
    const probability = Math.exp(logP);
    if (probability > 0) sum += probability * (logP - ((q[i] as number) - logSumQ));
  }
  return Math.max(0, sum);
}

/** Rows of logits by position. Keeps only as many as fit, because a row has the size of the vocabulary. */
export class KeptRows {
  readonly #most: number;
  readonly #rows: Float32Array[] = [];

  constructor(vocabSize: number, mostBytes = 128 * 2 ** 20) {
    this.#most = Math.max(1, Math.floor(mostBytes / (4 * vocabSize)));
  }

  /** Copies the next row, or drops it if there is no room. The caller may reuse its memory. */
  push(row: Float32Array): void {
    if (this.#rows.length < this.#most) this.#rows.push(row.slice());
  }

  get count(): number {
    return this.#rows.length;
  }

  at(index: number): Float32Array | undefined {
    return this.#rows[index];
  }
}

/** Compares rows, as they arrive, with those kept earlier, position by position. */
export class Comparison {
  readonly #kl: number[] = [];
  readonly #agrees: boolean[] = [];
  #of = 0;

  /** @param other null if there is no row to compare with */
  add(reference: Float32Array | undefined, other: Float32Array | undefined): void {
    this.#of++;
    if (!reference || !other) return;
    this.#kl.push(klDivergence(reference, other));
    this.#agrees.push(argmax(reference) === argmax(other));
  }

  result(): Divergence {
    return { kl: Float32Array.from(this.#kl), agrees: this.#agrees, of: this.#of };
  }
}
