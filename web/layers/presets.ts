import { formatLayerTypes } from '../../gpu/plan/layer-types.ts';

interface Entry {
  readonly readsFrom: number;
  readonly windowed: boolean;
}

/** A published way to share KV, for any number of layers. */
export interface Preset {
  readonly id: string;
  readonly name: string;
  readonly sentence: string;
  readonly paper: { readonly title: string; readonly url: string };
  /** Fewest layers for which the layout says anything of its own. */
  readonly minLayers: number;
  readonly generate: (layerCount: number) => readonly Entry[];
}

const full = (readsFrom: number): Entry => ({ readsFrom, windowed: false });
const windowed = (readsFrom: number): Entry => ({ readsFrom, windowed: true });

/** One entry a layer, from the layer's number. */
const perLayer = (layerCount: number, entry: (layer: number) => Entry) =>
  Array.from({ length: layerCount }, (_, layer) => entry(layer));

const studyPaper = {
  title: 'A Systematic Study of Cross-Layer KV Sharing',
  url: 'https://arxiv.org/abs/2410.14442',
};
const lckvPaper = {
  title: 'Layer-Condensed KV Cache for Efficient Inference of Large Language Models',
  url: 'https://arxiv.org/abs/2405.10637',
};

/** LCKV: half of the warm-up layers below and half above stay plain; all between read the highest one between. */
const lckv = (warmupLayers: number): Preset => ({
  id: `lckv-${warmupLayers}`,
  name: `LCKV, ${warmupLayers} warm-up layers`,
  sentence: `The middle layers all attend to the keys and values of the top one among them; ${warmupLayers} warm-up layers keep their own.`,
  paper: lckvPaper,
  minLayers: warmupLayers + 2,
  generate: (layerCount) => {
    const below = warmupLayers / 2;
    const top = layerCount - below - 1;
    return perLayer(layerCount, (layer) => full(layer < below || layer > top ? layer : top));
  },
});

/** Layer offsets of MixAttention's period at which windowed groups begin, and how many layers each has. */
const mixPeriod = 12;
const mixGroups: ReadonlyMap<number, number> = new Map([
  [1, 2],
  [3, 3],
  [7, 2],
  [9, 3],
]);

function mixAttentionPairs(layerCount: number): readonly Entry[] {
  const entries: Entry[] = [];
  for (let base = 0; base < layerCount; base += mixPeriod) {
    let group = base;
    for (let layer = base; layer < Math.min(base + mixPeriod, layerCount); layer++) {
      const offset = layer - base;
      if (offset % 6 === 0) {
        entries.push(full(base));
        continue;
      }
      const groupLayers = mixGroups.get(offset);
      if (groupLayers) {
        const aloneAtTheEnd = layer === layerCount - 1;
        const touchesGroupBelow = offset % 6 === 3;
        if (!(aloneAtTheEnd && touchesGroupBelow)) group = layer;
      }
      entries.push(windowed(group));
    }
  }
  return entries;
}

export const presets: readonly Preset[] = [
  {
    id: 'llama',
    name: 'Plain LLaMA',
    sentence: 'Every layer computes and keeps its own keys and values.',
    paper: {
      title: 'LLaMA: Open and Efficient Foundation Language Models',
      url: 'https://arxiv.org/abs/2302.13971',
    },
    minLayers: 1,
    generate: (layerCount) => perLayer(layerCount, full),
  },
  lckv(2),
  lckv(4),
  lckv(10),
  {
    id: 'cla-2',
    name: 'CLA, groups of 2',
    sentence: 'Each pair of neighbours shares the keys and values of its lower layer.',
    paper: {
      title: 'Reducing Transformer Key-Value Cache Size with Cross-Layer Attention',
      url: 'https://arxiv.org/abs/2405.12981',
    },
    minLayers: 2,
    generate: (layerCount) => perLayer(layerCount, (layer) => full(layer - (layer % 2))),
  },
  {
    id: 'yoco',
    name: 'YOCO',
    sentence: 'The lower half looks through sliding windows; the upper half shares one cache, made halfway.',
    paper: {
      title: 'You Only Cache Once: Decoder-Decoder Architectures for Language Models',
      url: 'https://arxiv.org/abs/2405.05254',
    },
    minLayers: 2,
    generate: (layerCount) => {
      const half = Math.floor(layerCount / 2);
      return perLayer(layerCount, (layer) => (layer < half ? windowed(layer) : full(half)));
    },
  },
  {
    id: 'mixattention-pairs',
    name: 'MixAttention, pairs',
    sentence:
      'Few full-attention layers share one cache; between them, sliding windows shared by two or three.',
    paper: {
      title: 'Inference-Friendly Models With MixAttention',
      url: 'https://arxiv.org/abs/2409.15012',
    },
    minLayers: 2,
    generate: mixAttentionPairs,
  },
  {
    id: 'sandwich-middle',
    name: 'Sandwich, middle',
    sentence: 'The first and the last layer stay plain; all between attend to the layer in their middle.',
    paper: studyPaper,
    minLayers: 4,
    generate: (layerCount) => {
      const middle = Math.floor((layerCount - 1) / 2);
      const last = layerCount - 1;
      return perLayer(layerCount, (layer) => full(layer === 0 || layer === last ? layer : middle));
    },
  },
];

/** A preset's `layer_types` for a model. */
export const presetLayerTypes = (preset: Preset, layerCount: number) =>
  formatLayerTypes(preset.generate(layerCount));

/** The presets that mean something for so many layers. */
export const presetsFor = (layerCount: number) => presets.filter((preset) => preset.minLayers <= layerCount);

/** The preset that a plan is an instance of, if any. */
export const presetOf = (layerTypes: string, layerCount: number) =>
  presetsFor(layerCount).find((preset) => presetLayerTypes(preset, layerCount) === layerTypes.trim());
