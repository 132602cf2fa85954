/** The names and the sentences of the presets. */
export const words = {
  parameters: { warmupLayers: 'Warm-up layers', groupSize: 'Group size', kvLayers: 'KV layers' },
  presets: {
    llama: { name: 'Plain LLaMA', sentence: 'Every layer computes and keeps its own keys and values.' },
    lckv: {
      name: 'LCKV',
      sentence:
        'Warm-up layers, half of them below and half above, stay plain. All layers between them read the topmost of these.',
    },
    cla: {
      name: 'CLA',
      sentence: 'Groups of neighboring layers share the keys and values of their lowest layer.',
    },
    yoco: {
      name: 'YOCO',
      sentence:
        'The lower half attends through sliding windows; the upper half shares one cache, computed halfway.',
    },
    mixAttentionSingle: {
      name: 'MixAttention, single',
      sentence:
        'Few full-attention layers share one cache; each run of sliding windows between them shares another.',
    },
    mixAttentionPairs: {
      name: 'MixAttention, pairs',
      sentence:
        'Few full-attention layers share one cache; between them, sliding windows shared by two or three.',
    },
  },
  /** The nine layouts of the systematic study: a layout and a place. */
  study: {
    layouts: {
      pizza: {
        name: 'Pizza',
        sentence: (layer: string) =>
          `The first layers stay plain; the group of all others attends to ${layer}.`,
      },
      sandwich: {
        name: 'Sandwich',
        sentence: (layer: string) =>
          `The first and the last layers stay plain; the group between attends to ${layer}.`,
      },
      lasagna: {
        name: 'Lasagna',
        sentence: (layer: string) =>
          `Neighbors form groups of equal size, and each group attends to ${layer}.`,
      },
    },
    places: {
      bottom: 'its lowest layer',
      middle: 'the layer in its middle',
      top: 'its highest layer',
    },
    name: (layout: string, place: 'bottom' | 'middle' | 'top') => `${layout}, ${place}`,
  },
} as const;
