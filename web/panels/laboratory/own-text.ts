/** "Bits per byte of my own text": the plans that can be compared, and the experiment that compares them. */
import { presetLayerTypes, presetsFor } from '../../presets/presets.ts';
import { trainedFor, type ModelEntry } from '../../models/model-index.ts';

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

/** A text as it is, or its paragraphs as items of their own, from which errors can be drawn. */
export function ownTextSource(text: string, byParagraph: boolean): string {
  if (!byParagraph) return text;
  const paragraphs = text.split(/\r?\n(?:[ \t]*\r?\n)+/).filter((paragraph) => paragraph.trim() !== '');
  return paragraphs.map((paragraph) => `${JSON.stringify({ text: paragraph })}\n`).join('');
}

/** @param plans the first one is the baseline */
export function ownTextExperiment(
  source: { readonly sha256: string; readonly name: string },
  plans: readonly PlanOption[],
  { name, byParagraph, kv }: { readonly name: string; readonly byParagraph: boolean; readonly kv: string },
): Readonly<Record<string, unknown>> {
  return {
    experiment: 1,
    name,
    seed: 1,
    base: { mode: 'sequential', kv },
    vary: [{ variants: plans.map(({ model, layerTypes }) => ({ model, layers: layerTypes })) }],
    measure: [
      {
        ...{ id: 'text', kind: 'rolling', text: { sha256: source.sha256, name: source.name } },
        ...(byParagraph && { column: 'text' }),
        begin: 'once',
      },
    ],
  };
}
