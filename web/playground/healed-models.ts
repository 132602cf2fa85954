import type { ModelEntry } from '../models/model-index.ts';
import { formatCount } from '../ui/format.ts';
import type { ModelOnDevice } from './link-notice.ts';

/**
 * The models on this device that were healed for a plan and may replace the chosen one, newest first: healed from it, or
 * from the same model as it, or from one of the family if it is of the family too.
 */
export function healedFor(
  onDevice: readonly ModelOnDevice[],
  models: readonly ModelEntry[],
  chosen: string,
  layerTypes: string,
): readonly ModelOnDevice[] {
  const baseOf = (id: string) => onDevice.find((model) => model.id === id)?.healed?.model ?? id;
  const ships = (id: string) => models.some((model) => model.id === id);
  const base = baseOf(chosen);
  return onDevice
    .filter(({ id, complete, healed }) => {
      if (!healed || !complete || id === chosen || healed.layerTypes !== layerTypes) return false;
      return [chosen, base].includes(healed.model) || (ships(base) && ships(healed.model));
    })
    .sort((a, b) => b.storedAtMs - a.storedAtMs);
}

/** What the page calls a healed model: `fairy-llama healed, 100 steps, Nov 27, 3:48 AM`. */
export function healedName({ id, healed, storedAtMs }: ModelOnDevice): string {
  if (!healed) return id;
  const stored = new Date(storedAtMs).toLocaleString('en', {
    ...{ month: 'short', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  });
  return `${healed.model} healed, ${formatCount(healed.steps, 'step')}, ${stored}`;
}
