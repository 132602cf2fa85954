import { isCopy, kvSources } from '../../../gpu/plan/conversion.ts';
import type { LayerType } from '../../../gpu/plan/layer-types.ts';
import { words } from './words.ts';

/** What to expect from a model under a plan that it was not trained with; null under its own plan. */
export function trainingNote(stored: readonly LayerType[], wanted: readonly LayerType[]): string | null {
  const readsOthers = wanted.some((layer, index) => layer.readsFrom !== stored[index]?.readsFrom);
  if (readsOthers) {
    const averaged = [...kvSources(stored, wanted).values()].some((sources) => !isCopy(sources));
    return words.notTrained(averaged);
  }
  const otherWindows = wanted.some((layer, index) => layer.windowed !== stored[index]?.windowed);
  return otherWindows ? words.otherWindows : null;
}
