import type { FamilyOnSample } from '../../models/family-on-sample.ts';
import type { ModelEntry } from '../../models/model-index.ts';
import type { HealingNow } from '../../playground/healing-now.ts';
import type { ModelOnDevice } from '../../playground/link-notice.ts';
import { familyCurve, type FamilyCurve, type Healed } from './family-curve.ts';

/** What can stand beside the family, and whether something was left out because it was measured on another text. */
export interface HealingCurve {
  readonly curve: FamilyCurve | null;
  readonly leftOut: boolean;
}

/**
 * The family on the text of a healing, with the healing of the page and the healed models on the device. The page's own
 * has where it began. Readings of other texts, and models of other families, are left out.
 */
export function healingCurve(
  models: readonly ModelEntry[],
  onSample: FamilyOnSample,
  now: HealingNow | null,
  onDevice: readonly ModelOnDevice[],
): HealingCurve {
  const ships = (id: string) => models.some((model) => model.id === id);
  const [first, last] = [now?.evaluations[0], now?.evaluations.at(-1)];
  const going: readonly Healed[] =
    now?.onSample && ships(now.model) && first && last
      ? [{ ...now, key: 'now', steps: last.step, bitsPerByte: last.bitsPerByte, before: first.bitsPerByte }]
      : [];
  const isNow = (model: Omit<Healed, 'key' | 'before'>) =>
    going.some(
      (other) =>
        other.model === model.model &&
        other.layerTypes === model.layerTypes &&
        other.steps === model.steps &&
        other.bitsPerByte === model.bitsPerByte,
    );
  const kept = onDevice.flatMap(({ healed, complete, commit }): readonly Healed[] => {
    if (!healed || !complete || !healed.onSample || !ships(healed.model)) return [];
    const { bitsPerByte } = healed;
    if (bitsPerByte === null) return [];
    const model = { ...healed, bitsPerByte, key: commit, before: null };
    return isNow(model) ? [] : [model];
  });
  const healed = [...going, ...kept];
  const measured = models.flatMap((model) => {
    const bitsPerByte = onSample.get(model.id);
    return model.measured && bitsPerByte !== undefined
      ? [{ ...model, measured: { ...model.measured, bitsPerByte } }]
      : [];
  });
  return {
    curve: healed.length > 0 ? familyCurve(measured, healed) : null,
    leftOut: now?.onSample === false && ships(now.model),
  };
}
