/** The words that the panels share which run several plans. */
export const words = {
  plans: {
    current: 'As set now',
    trained: (model: string) => `trained: ${model}`,
    untrained: (model: string) => `on ${model}, not trained for it`,
    under: (name: string, model: string) => `${name}, ${model}`,
    withParameter: (name: string, parameter: string, value: number) =>
      `${name}, ${parameter.toLowerCase()} ${value}`,
    later: 'Plans are known once the model is loaded.',
  },

  throughput: {
    title: 'Throughput against batch',
    sequences: 'Sequences at once',
    tokensPerSec: (prompt: number, generate: number) => `Tokens/s, prompt included (${prompt} + ${generate})`,
    /** In the legend, if more sequences fit than were timed. */
    fit: (name: string, largest: number) => `${name} (${largest.toLocaleString('en')} fit)`,
  },

  ratios: {
    title: 'As ratios, beside LCKV’s table 1',
    about:
      'Each number is against the baseline; the paper’s is Llama. The sequences follow the bytes. In the same memory more of them run at once, and together they are faster. The paper’s cache grows by concatenation, so its factors at one and the same batch are more than reading its bytes explains.',
    where: 'Where',
    sequences: 'Sequences that fit',
    bytes: 'KV bytes saved',
    faster: 'Throughput at the largest batch',
    here: (row: string, baseline: string) => `Here: ${row} against ${baseline}`,
    paper: (where: string, plan: string) => `${where}, ${plan}`,
  },
} as const;
