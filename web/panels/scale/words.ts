import { formatBytes, formatCount, formatPercent } from '../../ui/format.ts';

const users = (count: number) => formatCount(count, 'user');

/** The words of the panel that scales a plan to large models. */
export const words = {
  about:
    'A tale on this page needs little memory for keys and values. A large model that reads long texts for many people needs more for them than for its weights, and what is left beside the weights decides how many people it can serve at once.',
  model: 'Large model',
  context: 'Context (tokens)',
  memory: 'GPU memory (GiB)',
  weights: 'Its weights',
  bits: { '16': '16 bits', '8.5': '8 bits', '4.5': '4 bits' },
  bitsNote: 'With one scale for 32 weights',
  mistake: 'The plan has a mistake. Correct the layer types, and its savings appear here.',
  noRoom: (model: string, weights: string) =>
    `The weights of ${model} alone take ${weights}. Choose fewer bits or more memory.`,
  plain: 'Plain LLaMA',
  plan: 'This plan',
  preset: (name: string, layers: number) => `${name}, for ${layers} layers`,
  headline: (model: string, context: number, bytes: string) =>
    `${model}, ${formatCount(context, 'token')}: ${bytes} of KV per user.`,
  withPlan: (bytes: string, fraction: number, count: number, plainCount: number) =>
    `With this plan’s ${formatPercent(fraction)}: ${bytes}, so ${users(count)} instead of ${plainCount.toLocaleString('en')}.`,
  withPreset: (name: string, storing: number, layers: number, bytes: string, count: number) =>
    `With ${name} made for its ${layers} layers, of which ${storing} would store KV: ${bytes}, so ${users(count)}.`,
  untrained:
    'These are sizes. What the text would be like depends on training the large model under the plan, as its paper did.',
  picture: (model: string) => `What fills the memory: ${model}`,
  pictureSays: (rows: readonly string[]) => `GPU memory. ${rows.join('; ')}.`,
  row: (label: string, count: number) => `${label}: ${users(count)}`,
  legend: { weights: 'weights', user: 'KV of one user each' },
  formula: 'How it is computed',
  formulaOf: (
    shape: { layerCount: number; kvHeads: number; headDim: number },
    context: number,
    bytes: number,
  ) =>
    `2 (keys and values) × ${shape.layerCount} layers × ${shape.kvHeads} KV heads × ${shape.headDim} × 2 bytes × ${context.toLocaleString('en')} tokens = ${formatBytes(bytes)}, times the fraction of it that the plan stores. Users = (memory − weights) ÷ KV of a user, rounded down. Windowed layers store their window alone.`,
  table: 'All three models',
  columns: [
    { name: 'Model', as: 'words' as const },
    { name: 'Keeps', as: 'words' as const },
    { name: 'of plain' },
    { name: 'KV per user' },
    { name: 'Users' },
  ],
  everything: 'The cache policy is not counted: every row is kept.',
  caption: (model: string, context: number, bits: string) =>
    `${model}, ${formatCount(context, 'token')} of f16 KV per user, weights in ${bits}.`,
} as const;
