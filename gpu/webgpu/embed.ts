import type { Bound, Recorder } from './kernel.ts';
import { embed } from './kernels/embed.ts';
import type { GpuWeights } from './weights.ts';

/**
 * The embeddings of the rows' tokens, in all parts of the table.
 *
 * @param tokenPlaces room for tokens of a sequence
 */
export function recordEmbed(
  r: Recorder,
  weights: GpuWeights,
  tokenPlaces: number,
  buffers: { readonly tokens: Bound; readonly hidden: Bound; readonly rows: Bound; readonly step: Bound },
): void {
  for (const part of weights.matrix('embed').parts) {
    r.add(embed, { ...part, tokenPlaces }, { ...buffers, w: part.buffer });
  }
}
