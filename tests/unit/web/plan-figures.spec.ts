import { describe, expect, it } from 'vitest';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { planFigures } from '../../../web/panels/layers/plan-figures.ts';
import { presetLayerTypes, presets } from '../../../web/presets/presets.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';

/** TinyLlama: 22 layers, 4 KV heads of 64. */
const dims: ModelDims = {
  layerCount: 22,
  hiddenSize: 2048,
  intermediateSize: 5632,
  heads: 32,
  kvHeads: 4,
  headDim: 64,
  vocabSize: 32_000,
  contextTokens: 2048,
  rmsNormEps: 1e-5,
  rope: { type: 'default', theta: 10_000 },
  tiedEmbeddings: false,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
};
const settings = {
  precision: 'f16',
  passes: { forward: 7, backward: 2 },
  budgetBytes: 2 ** 30,
  kernelRank: 0,
  policy: keepEverything,
} as const;

const figuresOf = (id: string, parameter?: number, windowTokens = 1024) => {
  const preset = presets.find((candidate) => candidate.id === id);
  if (!preset) throw new Error(`no preset ${id}`);
  return planFigures(sharingOf(presetLayerTypes(preset, 22, parameter), { windowTokens }), dims, settings);
};

describe('the figures of a plan', () => {
  it('match the paper for TinyLlama: 22, 3 and 11 KiB per token', () => {
    expect(figuresOf('llama').bytesPerToken).toBe(22 * 1024);
    expect(figuresOf('lckv', 2).bytesPerToken).toBe(3 * 1024);
    expect(figuresOf('lckv', 10).bytesPerToken).toBe(11 * 1024);
  });

  it('count iterated layers once per pass', () => {
    expect(figuresOf('llama').prefillLayerPasses).toBe(22);
    expect(figuresOf('lckv', 2).prefillLayerPasses).toBe(2 + 20 * 9);
    expect(figuresOf('cla').prefillLayerPasses).toBe(22);
  });

  it('limit windowed caches to their window', () => {
    // 11 windows of 1024 rows and one cache of 2048, of 1 KiB per row.
    expect(figuresOf('yoco').bytesAtContext).toBe((11 * 1024 + 2048) * 1024);
  });

  it('say what fits the budget', () => {
    expect(figuresOf('llama').longestContextTokens).toBe(Math.floor(2 ** 20 / 22));
    expect(figuresOf('llama').largestBatch).toBe(Math.floor(2 ** 30 / (22 * 2048 * 1024)));
    expect(figuresOf('lckv', 2).longestContextTokens).toBe(Math.floor(2 ** 20 / 3));
    expect(figuresOf('yoco').longestContextTokens).toBe(2 ** 20 - 11 * 1024);
    const windowsOnly = planFigures(sharingOf(Array(22).fill('0s').join('_')), dims, settings);
    expect(windowsOnly.longestContextTokens).toBe(Infinity);
  });
});
