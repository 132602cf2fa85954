/** The words of the plan, its presets and its picture. */
export const words = {
  planHint: (owners: number, layers: number, fraction: string) =>
    `${owners} of ${layers} layers keep KV: ${fraction} of plain LLaMA.`,
  notTrained: (averaged: boolean) =>
    `The model was not trained with this plan: its key and value weights are ${averaged ? 'converted (averaged)' : 'converted (copied)'} for it, without further training, so expect poor text.`,
  otherWindows:
    'Same weights, other windows: the model was not trained with these, so long texts may get worse.',
  preset: {
    label: 'Preset',
    trained: (name: string) => `${name} (trained)`,
    asTrained: 'As trained',
    byHand: 'By hand',
    paper: 'Paper',
    paperTitle: (title: string) => `: ${title} (opens in a new tab)`,
    /** Goes on after the name of the model. */
    offer: 'was trained for this plan.',
    load: (model: string) => `Load ${model}`,
    parameters: { warmupLayers: 'Warm-up layers', groupSize: 'Group size', kvLayers: 'KV layers' },
  },
  presets: {
    llama: { name: 'Plain LLaMA', sentence: 'Every layer computes and keeps its own keys and values.' },
    lckv: {
      name: 'LCKV',
      sentence:
        'Warm-up layers, half of them below and half above, stay plain. All layers between them read the topmost of these.',
    },
    cla: {
      name: 'CLA',
      sentence: 'Groups of neighbouring layers share the keys and values of their lowest layer.',
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
          `Neighbours form groups of equal size, and each group attends to ${layer}.`,
      },
    },
    places: {
      bottom: 'its lowest layer',
      middle: 'the layer in its middle',
      top: 'its highest layer',
    },
    name: (layout: string, place: 'bottom' | 'middle' | 'top') => `${layout}, ${place}`,
  },
  figures: {
    title: 'Before it runs',
    kvPerToken: 'KV per token',
    kvOfContext: (tokens: string) => `KV of ${tokens} tokens`,
    ofPlain: (percent: string) => `${percent} of plain`,
    prefill: 'Prefill',
    layerPasses: (count: number) => `${count} layer passes`,
    plain: (layers: number) => `plain: ${layers}`,
    longestContext: 'Longest context',
    anyLength: 'any length',
    largestBatch: 'Largest batch',
    fullLength: 'full length',
    correct: 'Correct the marked fields to see the figures.',
    unknown: 'The figures appear once the model’s dimensions are known.',
  },
  legend: {
    owner: 'keeps KV',
    reader: 'reads another’s',
    above: (passes: number) => `reads above: iterated ${passes}×`,
    windowed: 'through the window',
  },
  picture: {
    label: 'Layers, the last one first',
    help: 'Drag a layer onto the layer whose keys and values it should read. Or use the keyboard: up and down choose a layer, left and right change which layer it reads, a number names that layer, S toggles the window, and O gives the layer KV of its own.',
    empty: '–',
    window: 'window',
    changed: (layers: number) => `${layers} layers changed.`,
    tooMany: (layers: number) => `the model has ${layers} layers`,
    problem: (layer: number, problem: string, entry: string) =>
      `Layer ${layer}: ${problem}${entry === '' ? '' : `, “${entry}”`}`,
    readsItself: 'reads itself',
    readsOther: (layer: number, above: boolean) => `reads layer ${layer}, ${above ? 'above' : 'below'}`,
    layer: (layer: number, reads: string, windowed: boolean, owner: boolean) =>
      `Layer ${layer} ${reads}${windowed ? ', through the window' : ''}${owner ? ', keeps KV' : ''}`,
  },
  toolbar: {
    label: 'Edit the selected layers',
    none: 'No layer selected',
    one: (layer: number) => `Layer ${layer}`,
    several: (count: number) => `${count} layers`,
    reads: 'reads',
    readsLayer: 'Reads layer',
    ownKv: 'Own KV',
    window: 'Window',
    selectSeveral: 'Select several',
    undo: 'Undo',
    redo: 'Redo',
  },
} as const;
