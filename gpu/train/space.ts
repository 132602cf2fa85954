import type { ModelDims } from '../plan/model-dims.ts';
import type { Address } from '../wasm/kernels.ts';
import type { TrainKernels } from './kernels.ts';
import type { LinearMemory } from '../wasm/linear-memory.ts';

/** What the memory of a training is for. */
export type Purpose = 'weights' | 'gradients' | 'optimizer' | 'activations';

/** Takes room, all zero. */
export type Allocate = (purpose: Purpose, bytes: number) => Address;

/** Rows of queries, and of logits, that are computed at once. */
export const BLOCK_ROWS = 64;

/** Room that every step uses again. Rows are positions of one sequence. */
export interface Scratch {
  readonly packed: Address; //    what `multiply` packs into
  readonly rope: Address; //      [tokens, headDim / 2, (cos, sin)]
  readonly targets: Address; //   [tokens], token ids
  readonly hidden: Address; //    [tokens, hiddenSize]
  readonly entering: Address; //  the same, of the group that is iterated
  readonly normed: Address; //    the same
  readonly dHidden: Address; //   the same
  readonly dEntering: Address; // the same
  readonly dNormed: Address; //   the same
  readonly product: Address; //   [tokens, intermediateSize]
  readonly dProduct: Address; //  the same
  readonly dQueries: Address; //  [tokens, heads · headDim]
  readonly dAttended: Address; // the same
  readonly scores: Address; //    [BLOCK_ROWS, tokens], rows of whole vectors
  readonly dScores: Address; //   the same
  readonly logits: Address; //    [BLOCK_ROWS, vocabSize]
  readonly sums: Address; //      [BLOCK_ROWS], float64
}

/** Bytes from row to row of `scores`. */
export const scoreStride = (tokens: number) => 16 * Math.ceil(tokens / 4);

/** Bytes that `multiply` needs: `multiplyRoom` of the kernels, which a test compares. */
export const PACKING_BYTES = 64 * 256 * 4 + 512 * 256 * 4 + 128;

export function allocateScratch(dims: ModelDims, tokens: number, allocate: Allocate): Scratch {
  const { hiddenSize, intermediateSize, heads, headDim, vocabSize } = dims;
  const take = (bytes: number) => allocate('activations', bytes);
  const rows = (cols: number) => take(4 * tokens * cols);
  return {
    packed: take(PACKING_BYTES),
    rope: rows(headDim),
    targets: rows(1),
    hidden: rows(hiddenSize),
    entering: rows(hiddenSize),
    normed: rows(hiddenSize),
    dHidden: rows(hiddenSize),
    dEntering: rows(hiddenSize),
    dNormed: rows(hiddenSize),
    product: rows(intermediateSize),
    dProduct: rows(intermediateSize),
    dQueries: rows(heads * headDim),
    dAttended: rows(heads * headDim),
    scores: take(BLOCK_ROWS * scoreStride(tokens)),
    dScores: take(BLOCK_ROWS * scoreStride(tokens)),
    logits: take(4 * BLOCK_ROWS * vocabSize),
    sums: take(8 * BLOCK_ROWS),
  };
}

/** Memory, and the kernels that work on it. */
export interface Space {
  readonly memory: LinearMemory;
  readonly kernels: TrainKernels;
}
