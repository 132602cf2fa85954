import { isCopy, kvSources } from '../../../gpu/plan/conversion.ts';
import type { LayerType } from '../../../gpu/plan/layer-types.ts';

/** What to expect of a model under a plan that it was not trained for, or null under its own. */
export function trainingNote(stored: readonly LayerType[], wanted: readonly LayerType[]): string | null {
  const resourced = wanted.some((layer, index) => layer.readsFrom !== stored[index]?.readsFrom);
  if (resourced) {
    const averaged = [...kvSources(stored, wanted).values()].some((sources) => !isCopy(sources));
    const how = averaged ? 'converted (averaged)' : 'converted (copied)';
    return `Not the plan this model was trained with: its key and value weights are ${how} for it, without further training, so expect poor text.`;
  }
  const rewindowed = wanted.some((layer, index) => layer.windowed !== stored[index]?.windowed);
  return rewindowed
    ? 'Same weights, other windows: the model was not trained with these, so long texts may get worse.'
    : null;
}
