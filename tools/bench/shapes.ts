import type { ModelDims } from '../../gpu/plan/model-dims.ts';

const llama = {
  contextTokens: 131072,
  rmsNormEps: 1e-5,
  rope: { type: 'default', theta: 10000 },
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
} as const;

/** Shapes known by name: SmolLM2-135M and TinyLlama-1.1B. */
const named: Readonly<Record<string, ModelDims>> = {
  '135m': {
    ...llama,
    layerCount: 30,
    hiddenSize: 576,
    intermediateSize: 1536,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    vocabSize: 49152,
    tiedEmbeddings: true,
  },
  '1.1b': {
    ...llama,
    layerCount: 22,
    hiddenSize: 2048,
    intermediateSize: 5632,
    heads: 32,
    kvHeads: 4,
    headDim: 64,
    vocabSize: 32000,
    tiedEmbeddings: false,
  },
};

const numbers = [
  'layerCount',
  'hiddenSize',
  'intermediateSize',
  'heads',
  'kvHeads',
  'headDim',
  'vocabSize',
] as const;

/**
 * A shape by name, or as `layers,hidden,intermediate,heads,kvHeads,headDim,vocab`.
 *
 * @throws Error that says what is wrong
 */
export function parseShape(text: string): ModelDims {
  const known = named[text];
  if (known) return known;
  const values = text.split(',').map(Number);
  const right =
    values.length === numbers.length && values.every((value) => Number.isInteger(value) && value > 0);
  if (!right) {
    throw new Error(
      `"${text}" is no shape: give ${Object.keys(named).join(' or ')}, or the numbers ${numbers.join(',')}`,
    );
  }
  const sizes = Object.fromEntries(numbers.map((name, i) => [name, values[i]])) as Record<
    (typeof numbers)[number],
    number
  >;
  if (sizes.heads % sizes.kvHeads !== 0) throw new Error('kvHeads does not divide heads');
  if (sizes.headDim % 8 !== 0) throw new Error('headDim is not a multiple of 8');
  return { ...llama, ...sizes, tiedEmbeddings: false };
}
