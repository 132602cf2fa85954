/** The plans that can be run beside each other: the shipped family, or what fits the model that a person brought. */
import { trainedFor, type ModelEntry } from '../models/model-index.ts';
import { presetOf, presetLayerTypes, presetsFor, usualParameter } from '../presets/presets.ts';
import { words } from './words.ts';

export interface OfferedPlan {
  /** Different for every plan that is offered. */
  readonly name: string;
  readonly model: string;
  readonly layerTypes: string;
  /** Whether the model was trained for the plan. */
  readonly trained: boolean;
  /** Whether it is what the page is set to. */
  readonly current: boolean;
}

interface Setting {
  readonly model: string;
  /** Null while the plan that is set has a mistake. */
  readonly layerTypes: string | null;
  /** The plan that the model was trained with; null if it is not known. */
  readonly stored: string | null;
  readonly layerCount: number;
  readonly models: readonly ModelEntry[];
}

/** Plain LLaMA comes first, because the others are compared with the first plan that is chosen. */
export function offeredPlans({
  model,
  layerTypes,
  stored,
  layerCount,
  models,
}: Setting): readonly OfferedPlan[] {
  const isShipped = models.some(({ id }) => id === model);
  const family = isShipped ? models : [];
  const set = layerTypes ?? stored;
  const current = (plan: Pick<OfferedPlan, 'model' | 'layerTypes'>) =>
    plan.model === model && plan.layerTypes === set;
  const onModel = (plan: string) => {
    const trained = stored === plan ? model : trainedFor(models, model, plan)?.id;
    return { model: trained ?? model, layerTypes: plan, trained: trained !== undefined };
  };
  const ofPresets = presetsFor(layerCount).map((preset) => presetLayerTypes(preset, layerCount));
  const found = [
    ...family.map((entry) => ({ model: entry.id, layerTypes: entry.stored.layerTypes, trained: true })),
    ...(set === null
      ? []
      : [
          { model, layerTypes: set, trained: stored === set },
          ...ofPresets.filter((plan) => plan !== set).map(onModel),
        ]),
  ];
  const plans = new Map<string, Omit<OfferedPlan, 'name'>>();
  for (const plan of found) {
    const key = `${plan.model} ${plan.layerTypes}`;
    if (!plans.has(key)) plans.set(key, { ...plan, current: current(plan) });
  }
  const [plain] = presetsFor(layerCount);
  const first = plain && presetLayerTypes(plain, layerCount);
  const rank = (plan: Omit<OfferedPlan, 'name'>) => (plan.layerTypes === first ? 0 : plan.trained ? 1 : 2);
  return named(
    [...plans.values()].sort((a, b) => rank(a) - rank(b)),
    layerCount,
  );
}

/** What people call a plan, as "LCKV, warm-up layers 4"; null if no preset generates it. */
export function planName(layerTypes: string, layerCount: number): string | null {
  const choice = presetOf(layerTypes, layerCount);
  if (choice === null) return null;
  const { preset, parameter } = choice;
  return parameter === usualParameter(preset, layerCount) || !preset.parameter
    ? preset.name
    : words.plans.withParameter(preset.name, preset.parameter.name, parameter);
}

function named(plans: readonly Omit<OfferedPlan, 'name'>[], layerCount: number): readonly OfferedPlan[] {
  const taken = new Set<string>();
  return plans.map((plan) => {
    const short =
      planName(plan.layerTypes, layerCount) ?? (plan.current ? words.plans.current : plan.layerTypes);
    const name = taken.has(short) ? words.plans.under(short, plan.model) : short;
    taken.add(name);
    return { ...plan, name };
  });
}

/** More plans cannot be told apart in one picture. */
export const MOST_PLANS = 8;

/** What is chosen until a person chooses: what was trained, or else the first few. */
export function initialPlans(offered: readonly OfferedPlan[]): readonly OfferedPlan[] {
  const trained = offered.filter((plan) => plan.trained);
  return (trained.length > 1 ? trained : offered.slice(0, 4)).slice(0, MOST_PLANS);
}
