import { gumbelTable } from '../kv/policies/noise.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { padded } from '../numbers/panels.ts';

/** How much a session's scratch must hold. */
export interface WorkSizes {
  /** Parts of a matrix that may be computed at the same time. */
  readonly parts: number;
  /** The most rows that one query sees. */
  readonly mostRowsSeen: number;
  /** Angles in the table. */
  readonly angles: number;
  /** Whether Keyformer's scores are computed. */
  readonly noisy: boolean;
  /** Whether LESS recalls rows that are gone. */
  readonly recalls: boolean;
}

/** Bytes of the scratch of the layers of a plan; 0 of what nothing needs. */
export function scratchBytes(
  { hiddenSize, intermediateSize, heads, kvHeads, headDim }: ModelDims,
  blockRows: number,
  { parts, mostRowsSeen, angles, noisy, recalls }: WorkSizes,
) {
  const block = (numbers: number) => 4 * padded(numbers) * blockRows;
  const scores = heads * 4 * padded(mostRowsSeen);
  return {
    normed: block(hiddenSize),
    q: block(heads * headDim),
    attended: block(heads * headDim),
    keys: block(kvHeads * headDim),
    values: block(kvHeads * headDim),
    gate: block(intermediateSize),
    up: block(intermediateSize),
    scores,
    widened: 4 * 4 * padded(headDim),
    'rows in fours': parts * block(Math.max(hiddenSize, intermediateSize, heads * headDim)),
    'noisy scores': noisy ? scores : 0,
    hashes: noisy ? 4 * padded(heads) : 0,
    noise: noisy ? gumbelTable.byteLength : 0,
    sums: recalls ? 8 * heads : 0,
    rope: 4 * headDim * angles,
  } as const;
}
