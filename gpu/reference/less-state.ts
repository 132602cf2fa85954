import type { EvictedState } from '../kv/store-rows.ts';
import type { LessKernels, Phi, Psi } from '../kv/policies/less-kernels.ts';
import type { HeldRow } from './held-rows.ts';

/** What a query takes from the rows that are gone. */
export interface Recalled {
  /** `[headDim]`: φ(q)·H */
  readonly values: Float32Array;
  /** φ(q)·z */
  readonly weight: number;
}

/** The state that LESS keeps of one store, as docs/policies.md defines it: sums over the rows that are gone. */
export class LessState {
  readonly heads: readonly EvictedState[];
  readonly #kernels: LessKernels;
  readonly #psi: Psi;

  constructor(kernels: LessKernels, psi: Psi, shape: { readonly kvHeads: number; readonly headDim: number }) {
    this.#kernels = kernels;
    this.#psi = psi;
    this.heads = Array.from({ length: shape.kvHeads }, () => ({
      features: new Float32Array(kernels.rank),
      values: new Float32Array(kernels.rank * shape.headDim),
    }));
  }

  /** Takes in the rows of a KV head that a cut let go. */
  absorb(kvHead: number, rows: readonly HeldRow[]): void {
    const sums = this.heads[kvHead];
    if (!sums) return;
    for (const { key, value } of rows) {
      for (const [r, feature] of this.#featuresOf(this.#psi, this.#psi.w3, kvHead, key).entries()) {
        sums.features[r] = (sums.features[r] ?? 0) + feature;
        for (const [d, number] of value.entries()) {
          const at = r * value.length + d;
          sums.values[at] = (sums.values[at] ?? 0) + feature * number;
        }
      }
    }
  }

  /** @param query rotated by its position */
  recall(phi: Phi, head: number, kvHead: number, query: Float32Array): Recalled {
    const values = new Float32Array(query.length);
    let weight = 0;
    const sums = this.heads[kvHead];
    if (!sums) return { values, weight };
    for (const [r, feature] of this.#featuresOf(phi, null, head, query).entries()) {
      weight += feature * (sums.features[r] ?? 0);
      for (let d = 0; d < values.length; d++) {
        values[d] = (values[d] ?? 0) + feature * (sums.values[r * values.length + d] ?? 0);
      }
    }
    return { values, weight };
  }

  #featuresOf(
    { w1, w2 }: Phi,
    w3: Float32Array | null,
    head: number,
    x: Float32Array,
  ): Float32Array<ArrayBuffer> {
    const { hidden, rank } = this.#kernels;
    const ofHead = (w: Float32Array, rows: number, cols: number) =>
      w.subarray(head * rows * cols, (head + 1) * rows * cols);
    const wide = times(x, ofHead(w1, x.length, hidden), hidden).map(gelu);
    const narrow = times(wide, ofHead(w2, hidden, rank), rank).map(gelu);
    return (w3 ? times(narrow, ofHead(w3, rank, rank), rank) : narrow).map(Math.abs);
  }
}

/** x·w; w is `[x.length, cols]`. */
function times(x: Float32Array, w: Float32Array, cols: number): Float32Array<ArrayBuffer> {
  const y = new Float64Array(cols);
  for (const [row, number] of x.entries()) {
    for (let col = 0; col < cols; col++) y[col] = (y[col] ?? 0) + number * (w[row * cols + col] ?? 0);
  }
  return Float32Array.from(y);
}

/** x · Φ(x), with the normal distribution's Φ exact, by {@link erf}. */
export const gelu = (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

/** Within 1.5e-7: Abramowitz and Stegun, 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
