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
  },
  figures: {
    title: 'Before it runs',
    kvPerToken: 'KV per token',
    kvOfContext: (tokens: string) => `KV of ${tokens} tokens`,
    ofPlain: 'Of plain LLaMA',
    prefill: 'Prefill',
    layerPasses: (count: number) => `${count} layer passes`,
    plain: (layers: number) => `plain: ${layers}`,
    /** The memory allows it; the model itself was made for fewer tokens. */
    fitsBudget: 'Fits the budget',
    madeFor: (tokens: string) => `made for ${tokens}`,
    anyLength: 'any length',
    largestBatch: 'or at once',
    fullLength: (tokens: string) => `of ${tokens} tokens`,
    correct: 'Correct the marked fields to see the figures.',
    unknown: 'The figures appear once the model’s dimensions are known.',
  },
  legend: {
    owner: 'keeps KV',
    reader: 'reads another’s',
    readsBelow: 'reads below',
    above: (passes: number) => `reads above: iterated ${passes}×`,
    windowed: 'through the window',
  },
  picture: {
    label: 'Layers, the last one first',
    plan: 'Plan of KV sharing',
    help: 'Drag a layer onto the layer whose keys and values it should read. Or use the keyboard: up and down choose a layer, left and right change which layer it reads, a number names that layer, S toggles the window, and O gives the layer KV of its own.',
    layerHead: 'Layer',
    readsHead: 'Reads',
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
