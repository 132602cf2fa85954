import { formatLayerTypes } from '../../gpu/plan/layer-types.ts';
import { words } from './words.ts';
import { mixAttentionPresets } from './mix-attention.ts';
import { full, perLayer, windowed, type Preset } from './preset.ts';
import { sandwichSpan, studyPresets } from './systematic-study.ts';

/** All presets, in the order of the list on the page. */
export const presets: readonly Preset[] = [
  {
    id: 'llama',
    ...words.presets.llama,
    paper: {
      title: 'LLaMA: Open and Efficient Foundation Language Models',
      url: 'https://arxiv.org/abs/2302.13971',
    },
    minLayers: 1,
    parameter: null,
    generate: (layerCount) => perLayer(layerCount, full),
  },
  {
    id: 'lckv',
    ...words.presets.lckv,
    paper: {
      title: 'Layer-Condensed KV Cache for Efficient Inference of Large Language Models',
      url: 'https://arxiv.org/abs/2405.10637',
    },
    minLayers: 4,
    parameter: {
      name: words.parameters.warmupLayers,
      min: 0,
      max: (layerCount) => layerCount - 2,
      usual: () => 2,
    },
    generate: (layerCount, warmupLayers) => {
      const { first, last } = sandwichSpan(layerCount, warmupLayers);
      return perLayer(layerCount, (layer) => full(layer < first || layer > last ? layer : last));
    },
  },
  {
    id: 'cla',
    ...words.presets.cla,
    paper: {
      title: 'Reducing Transformer Key-Value Cache Size with Cross-Layer Attention',
      url: 'https://arxiv.org/abs/2405.12981',
    },
    minLayers: 2,
    parameter: {
      name: words.parameters.groupSize,
      min: 2,
      max: (layerCount) => layerCount,
      usual: () => 2,
    },
    generate: (layerCount, groupLayers) =>
      perLayer(layerCount, (layer) => full(layer - (layer % groupLayers))),
  },
  {
    id: 'yoco',
    ...words.presets.yoco,
    paper: {
      title: 'You Only Cache Once: Decoder-Decoder Architectures for Language Models',
      url: 'https://arxiv.org/abs/2405.05254',
    },
    minLayers: 2,
    parameter: null,
    generate: (layerCount) => {
      const half = Math.floor(layerCount / 2);
      return perLayer(layerCount, (layer) => (layer < half ? windowed(layer) : full(half)));
    },
  },
  ...mixAttentionPresets,
  ...studyPresets,
];

/** A preset with a value for its parameter. */
export interface PresetChoice {
  readonly preset: Preset;
  readonly parameter: number;
}

/** The values that a preset's parameter can take; a single 0 if it has no parameter. */
function parametersOf({ parameter }: Preset, layerCount: number): readonly number[] {
  if (!parameter) return [0];
  const count = Math.max(1, parameter.max(layerCount) - parameter.min + 1);
  const all = Array.from({ length: count }, (_, step) => parameter.min + step);
  // The usual value comes first, so that it wins if two values give the same plan.
  const usual = parameter.usual(layerCount);
  return all.includes(usual) ? [usual, ...all.filter((value) => value !== usual)] : all;
}

/** The parameter's usual value, within the range for this number of layers. */
export const usualParameter = (preset: Preset, layerCount: number) =>
  parametersOf(preset, layerCount)[0] ?? 0;

/** A preset's `layer_types` for a model. */
export const presetLayerTypes = (
  preset: Preset,
  layerCount: number,
  parameter = usualParameter(preset, layerCount),
) => formatLayerTypes(preset.generate(layerCount, parameter));

/** The presets that make sense for this number of layers. */
export const presetsFor = (layerCount: number) => presets.filter((preset) => preset.minLayers <= layerCount);

/**
 * The preset that generates a plan, if there is one.
 *
 * @param preferred id of the preset to try first, because some presets are special cases of others
 */
export function presetOf(
  layerTypes: string,
  layerCount: number,
  preferred: string | null = null,
): PresetChoice | null {
  const wanted = layerTypes.trim();
  const candidates = presetsFor(layerCount);
  const ordered = [...candidates].sort((a, b) => Number(b.id === preferred) - Number(a.id === preferred));
  for (const preset of ordered) {
    for (const parameter of parametersOf(preset, layerCount)) {
      if (presetLayerTypes(preset, layerCount, parameter) === wanted) return { preset, parameter };
    }
  }
  return null;
}
