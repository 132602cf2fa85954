import { fastestMode } from '../../../gpu/plan/choose-mode.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { Run } from '../../playground/run.ts';

/** Why the fastest mode was the one that it was, behind its name. */
const words = {
  'nothing-iterated': (_steps: number, _passes: number) => ', exact for this plan',
  config: (_steps: number, _passes: number) => ', as config.json asks',
  'passes-are-faster': (steps: number, passes: number) =>
    `: ${passes} passes are faster here than ${steps} steps`,
  'steps-are-faster': (steps: number, passes: number) =>
    `: ${steps} steps are faster here than ${passes} passes`,
} as const;

/**
 * In which mode a run read its prompt, and why if the page chose it; empty until it is known.
 *
 * @param useSequential whether the model's config.json asks for sequential mode
 */
export function modeWords(
  { mode, settings, promptTokens, layerTypes, dims, adapter }: Run,
  useSequential: boolean,
): string {
  if (mode === null) return '';
  const plan = parseLayerTypes(layerTypes, dims.layerCount);
  const { forwardPasses, backwardPasses } = settings;
  if (settings.mode !== 'fastest' || promptTokens === null || !plan.ok) return mode;
  const passes = { forward: forwardPasses ?? 0, backward: backwardPasses ?? 0 };
  const { because } = fastestMode({ layers: plan.value, promptTokens, passes, useSequential, adapter });
  return `${mode}${words[because](promptTokens, Math.max(1, passes.forward + passes.backward))}`;
}
