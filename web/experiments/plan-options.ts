/** The plans that can be compared under the chosen model. */
import { trainedFor, type ModelEntry } from '../models/model-index.ts';
import { presetLayerTypes, presetsFor } from '../presets/presets.ts';

export interface PlanOption {
  readonly name: string;
  readonly layerTypes: string;
  /** The model that runs the plan: one that was trained for it, if there is one. */
  readonly model: string;
  readonly trained: boolean;
}

interface Setting {
  readonly model: string;
  readonly layerTypes: string;
  /** The plan that the model was trained with; null if it is not known. */
  readonly stored: string | null;
  readonly layerCount: number;
  readonly models: readonly ModelEntry[];
  /** What the plan that is set now is called. */
  readonly current: string;
}

/** The plan that is set now, and those of the presets; none twice. */
export function planOptions({
  model,
  layerTypes,
  stored,
  layerCount,
  models,
  current,
}: Setting): readonly PlanOption[] {
  const option = (name: string, plan: string): PlanOption => {
    const trained = stored === plan ? model : trainedFor(models, model, plan)?.id;
    return { name, layerTypes: plan, model: trained ?? model, trained: trained !== undefined };
  };
  const set = { ...option(current, layerTypes), model, trained: stored === layerTypes };
  const offered = presetsFor(layerCount).map((preset) =>
    option(preset.name, presetLayerTypes(preset, layerCount)),
  );
  const plans = new Set([layerTypes]);
  return [
    set,
    ...offered.filter(({ layerTypes: plan }) => {
      const isNew = !plans.has(plan);
      plans.add(plan);
      return isNew;
    }),
  ];
}
