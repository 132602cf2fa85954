import { isCopy, kvRoles, kvSources, meanOf } from '../plan/conversion.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { roundToF16, type WeightFormats } from '../numbers/matrix-format.ts';
import type { WeightRole } from '../plan/weight-specs.ts';

interface OfOwner {
  readonly role: WeightRole;
  readonly owner: number;
  readonly vector: boolean;
}

export interface KvMean extends OfOwner {
  readonly mean: Float32Array;
}

/** An owner's tensor under another plan: one layer's stored tensor, or a mean. */
export type ConvertedKv = KvMean | (OfOwner & { readonly from: number });

/**
 * The key and value projections of another plan. All other tensors stay the same.
 *
 * @param find a stored tensor in float32, if the model has it
 */
export function* convertKv(
  stored: readonly LayerType[],
  wanted: readonly LayerType[],
  { weights }: WeightFormats,
  find: (role: WeightRole, layer: number) => Float32Array | undefined,
): Generator<ConvertedKv, void> {
  for (const [owner, sources] of kvSources(stored, wanted)) {
    for (const role of kvRoles) {
      const vector = role !== 'k' && role !== 'v';
      const [from = owner] = sources;
      if (isCopy(sources)) {
        yield { role, owner, vector, from };
        continue;
      }
      const present = sources.flatMap((source) => find(role, source) ?? []);
      if (present.length === 0) continue;
      const mean = meanOf(present);
      yield { role, owner, vector, mean: weights === 'f16' && !vector ? roundToF16(mean) : mean };
    }
  }
}
