import { gumbelTable } from '../kv/policies/noise.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { padded, PANEL_ROWS } from '../numbers/panels.ts';
import { headsBytes, scoredHeads, scoreStrideOf, tableBytes } from './attend-rows.ts';

/** How much a session's scratch must hold. */
export interface WorkSizes {
  /** Threads, each of which has a room of its own. */
  readonly threads: number;
  /** The most rows that one query sees. */
  readonly mostRowsSeen: number;
  /** Angles in the table. */
  readonly angles: number;
  /** Whether Keyformer's scores are computed. */
  readonly noisy: boolean;
  /** Whether LESS recalls rows that are gone. */
  readonly recalls: boolean;
}

/** Bytes of a row of x that was quantized for a product: `kernels/project-packed.ts`. */
export const quantizedBytes = (cols: number) => (72 * padded(cols)) / 32;

/** The sums of a panel for the most rows of x that go through it piece by piece, which are 12: `kernels/project.ts`. */
const SUMS_BYTES = 12 * 4 * PANEL_ROWS;

/** Room for eight rows of a matrix, widened, and for sums, `kernels/project-packed.ts`; or for sums alone. */
export const widenedBytes = (cols: number) => Math.max(SUMS_BYTES, 128 + 32 * padded(cols));

/** Columns of the widest matrix that a layer's rows go through. */
export const mostColsOf = ({ hiddenSize, intermediateSize, heads, headDim }: ModelDims): number =>
  Math.max(hiddenSize, intermediateSize, heads * headDim);

/** Bytes of the scratch of the layers of a plan; 0 of what nothing needs. */
export function scratchBytes(
  dims: ModelDims,
  blockRows: number,
  { threads, mostRowsSeen, angles, noisy, recalls }: WorkSizes,
) {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = dims;
  const block = (numbers: number) => 4 * padded(numbers) * blockRows;
  const mostCols = mostColsOf(dims);
  const scores = scoreStrideOf(mostRowsSeen);
  return {
    normed: block(hiddenSize),
    q: block(heads * headDim),
    attended: block(heads * headDim),
    keys: block(kvHeads * headDim),
    values: block(kvHeads * headDim),
    gate: block(intermediateSize),
    up: block(intermediateSize),
    'attending rows': tableBytes(blockRows),
    scores: threads * scoredHeads(dims) * scores,
    widened: threads * headsBytes(headDim),
    'rows beside each other': block(mostCols),
    'quantized rows': quantizedBytes(mostCols) * blockRows,
    'widened weights': threads * widenedBytes(mostCols),
    'noisy scores': noisy ? heads * scores : 0,
    hashes: noisy ? 4 * padded(heads) : 0,
    noise: noisy ? gumbelTable.byteLength : 0,
    sums: recalls ? 8 * heads : 0,
    rope: 4 * headDim * angles,
  } as const;
}
