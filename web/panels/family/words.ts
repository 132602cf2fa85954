/** The words of the chart of all models that ship. */
export const words = {
  about:
    'Each model was trained for its own sharing, on the same text and for the same time. Further left is less memory; further down predicts held-out tales better. Choose a model to load it.',
  measured:
    'Bits per byte of held-out tales; fewer is better. Each model was trained for its own sharing, on the same text.',
  yAxis: 'Bits per byte',
  xAxis: (contextTokens: number, mostBytes: string) => `KV of ${contextTokens} tokens, 0 to ${mostBytes}`,
  xLabel: (contextTokens: number) => `KV of ${contextTokens} tokens`,
  legend: {
    model: 'a model that ships',
    frontier: 'no other model beats these in both',
    healed: 'hollow: healed on this device',
  },
  healing: {
    about:
      'A hollow dot is a model under a plan that it was healed for; a line leads to it from where it began. All dots here were measured as a healing measures itself, on other text than above: 8 windows of 256 tokens of Through the Looking-Glass. Compare them with each other, and not with the numbers above.',
    measured:
      'Bits per byte of 8 windows of 256 tokens of Through the Looking-Glass; fewer is better. Hollow: healed on this device.',
    leftOut:
      'The last healing read a text of yours, on which nobody measured the family, so it has no place beside it.',
    step: (steps: number) => `healed, ${steps === 1 ? '1 step' : `${steps} steps`}`,
    named: (model: string, layerTypes: string, steps: number) =>
      `${model} under ${layerTypes}, ${words.healing.step(steps)}`,
    model: (model: string, layerTypes: string, steps: number, bits: string, before: string | null): string =>
      `${words.healing.named(model, layerTypes, steps)}: ${bits} bits per byte${before === null ? '' : `, ${before} before`}.`,
  },
  models: 'Models that ship, by KV',
  model: (id: string, kvBytes: string, bits: string) => `${id}: ${kvBytes} of KV, ${bits} bits per byte`,
  sameBits: 'as many',
  otherBits: (percent: string, more: boolean) => `${percent} ${more ? 'more' : 'fewer'}`,
  /** Goes on after the name of the model. */
  trade: (fraction: string, bits: string) => `keeps ${fraction} of plain LLaMA’s KV and needs ${bits} bits.`,
  /** Goes on after the name of the model. */
  plain: 'keeps everything: the others are compared with it.',
  table: 'As a table',
  columns: (contextTokens: number) => [
    { name: 'Rank by KV' },
    { name: 'Model', as: 'words' as const },
    { name: `KV of ${contextTokens} tokens` },
    { name: 'of plain' },
    { name: 'Bits per byte' },
  ],
  policies: {
    about:
      'Sharing is one way to save KV; evicting rows is another. Lines lead from the chosen model to smaller and smaller budgets; dashed ones add the state of LESS.',
    measured: (windows: number, windowTokens: number, promptTokens: number) =>
      `${windows} windows of ${windowTokens} tokens of held-out tales: a prompt of ${promptTokens}, the rest fed under the policy.`,
    xAxis: (windowTokens: number) => `KV of ${windowTokens} tokens, on a logarithmic scale`,
    legend: {
      sharing: 'a model, everything kept',
      alone: (policy: string) => policy,
      less: 'dashed: with LESS',
    },
    notMeasured: 'No policy was measured for this model.',
    smallest: (rows: number, policy: string, alone: string, less: string | null) =>
      `${policy}, ${rows} rows: ${alone}${less === null ? '' : `; with LESS ${less}`}.`,
    point: (kvBytes: string, bits: string) => `${kvBytes}, ${bits} bits`,
    everything: 'everything kept',
    withLess: (policy: string) => `${policy}, with LESS`,
    table: 'As a table',
    columns: [
      { name: 'Rank by KV' },
      { name: 'Model', as: 'words' as const },
      { name: 'Keeps', as: 'words' as const },
      { name: 'Rows' },
      { name: 'KV' },
      { name: 'Bits per byte' },
      { name: '± of the difference' },
    ],
    noTable: 'The measured policies could not be loaded. Check the connection and open this part again.',
    loading: 'Loading the measured policies…',
  },
  noList: 'The list of models could not be loaded. Check the connection and reload the page.',
} as const;
