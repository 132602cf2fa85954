import { expect, it } from 'vitest';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { layersOf } from '../../support/arbitrary-plans.ts';

const dims: ModelDims = {
  layerCount: 3,
  hiddenSize: 32,
  intermediateSize: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  vocabSize: 100,
  contextTokens: 64,
  rmsNormEps: 1e-5,
  rope: { type: 'default', theta: 10000 },
  tiedEmbeddings: false,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
};

const namesOf = (more: Partial<ModelDims>, text = '0_2_2') =>
  weightSpecs({ ...dims, ...more }, layersOf(text)).map(({ name }) => name);

const layersWith = (names: readonly string[], tensor: string) =>
  names.filter((name) => name.endsWith(tensor)).map((name) => Number(name.split('.')[2]));

it('Only the layers that own KV have key and value projections', () => {
  const names = namesOf({ qkvBias: true, qkNorm: true });
  for (const tensor of ['k_proj.weight', 'v_proj.weight', 'k_proj.bias', 'v_proj.bias', 'k_norm.weight']) {
    expect(layersWith(names, tensor)).toEqual([0, 2]);
  }
  for (const tensor of ['q_proj.weight', 'q_proj.bias', 'q_norm.weight', 'o_proj.weight']) {
    expect(layersWith(names, tensor)).toEqual([0, 1, 2]);
  }
});

it('A tied head is no tensor of its own', () => {
  expect(namesOf({})).toContain('lm_head.weight');
  expect(namesOf({ tiedEmbeddings: true })).not.toContain('lm_head.weight');
});

it('Biases and key norms are asked for only of the families that have them', () => {
  expect(namesOf({}).filter((name) => /bias|[qk]_norm/.test(name))).toEqual([]);
  expect(layersWith(namesOf({ outputBias: true }), 'o_proj.bias')).toEqual([0, 1, 2]);
  expect(layersWith(namesOf({ mlpBias: true }), 'down_proj.bias')).toEqual([0, 1, 2]);
});

it('No tensor is asked for twice', () => {
  const names = namesOf({ qkvBias: true, outputBias: true, mlpBias: true, qkNorm: true });
  expect(new Set(names).size).toBe(names.length);
});

it('Shapes follow from heads and their size, not from the hidden size', () => {
  const specs = weightSpecs({ ...dims, headDim: 16 }, layersOf('0_1_2'));
  const shape = (name: string) => {
    const spec = specs.find((candidate) => candidate.name === name);
    return spec && [spec.rows, spec.cols];
  };
  expect(shape('model.layers.0.self_attn.q_proj.weight')).toEqual([64, 32]);
  expect(shape('model.layers.0.self_attn.k_proj.weight')).toEqual([32, 32]);
  expect(shape('model.layers.0.self_attn.o_proj.weight')).toEqual([32, 64]);
  expect(shape('model.layers.0.mlp.down_proj.weight')).toEqual([32, 48]);
});
