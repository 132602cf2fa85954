/** The words of the plan and its presets. */
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
    healed: (name: string) => `${name} (healed here)`,
    asTrained: 'As trained',
    byHand: 'By hand',
    paper: 'Paper',
    paperTitle: (title: string) => `: ${title} (opens in a new tab)`,
    /** Goes on after the name of the model. */
    offer: 'was trained for this plan.',
    load: (model: string) => `Load ${model}`,
    loadHealed: 'Load',
    /** Goes on after the name of the model. */
    offerHealed: 'learned this plan on this device.',
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
    madeFor: (tokens: string) => `trained for ${tokens}`,
    anyLength: 'any length',
    largestBatch: 'or at once',
    fullLength: (tokens: string) => `of ${tokens} tokens`,
    correct: 'Correct the marked fields to see the figures.',
    unknown: 'The figures appear once the model’s dimensions are known.',
  },
} as const;
