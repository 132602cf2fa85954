import { words } from './words.ts';
import { full, windowed, type Entry, type Preset } from './preset.ts';

const paper = {
  title: 'Inference-Friendly Models With MixAttention',
  url: 'https://arxiv.org/abs/2409.15012',
};

const PERIOD = 12;
/** Every sixth layer has full attention; the two in a period share one cache. */
const RUN = 6;

/**
 * Runs of windowed layers between layers of full attention.
 *
 * @param groupStarts offsets in a run of six at which a windowed group starts; a group reads its first layer
 */
function mixAttention(layerCount: number, groupStarts: readonly number[]): readonly Entry[] {
  const entries: Entry[] = [];
  let group = 0;
  for (let layer = 0; layer < layerCount; layer++) {
    const offset = layer % RUN;
    if (offset === 0) {
      entries.push(full(layer - (layer % PERIOD)));
      continue;
    }
    // If the last layer would be a group on its own, it joins the windowed group right before it.
    const alone = layer === layerCount - 1 && offset > 1;
    if (groupStarts.includes(offset) && !alone) group = layer;
    entries.push(windowed(group));
  }
  return entries;
}

export const mixAttentionPresets: readonly Preset[] = [
  {
    id: 'mixattention-single',
    ...words.presets.mixAttentionSingle,
    paper,
    minLayers: 2,
    parameter: null,
    generate: (layerCount) => mixAttention(layerCount, [1]),
  },
  {
    id: 'mixattention-pairs',
    ...words.presets.mixAttentionPairs,
    paper,
    minLayers: 2,
    parameter: null,
    generate: (layerCount) => mixAttention(layerCount, [1, 3]),
  },
];
