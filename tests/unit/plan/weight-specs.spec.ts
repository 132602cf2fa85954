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

it('A tied head has no tensor of its own', () => {
  expect(namesOf({})).toContain('lm_head.weight');
  expect(namesOf({ tiedEmbeddings: true })).not.toContain('lm_head.weight');
});

it('Biases and key norms are required only for the families that have them', () => {
  expect(namesOf({}).filter((name) => /bias|[qk]_norm/.test(name))).toEqual([]);
  expect(layersWith(namesOf({ outputBias: true }), 'o_proj.bias')).toEqual([0, 1, 2]);
  expect(layersWith(namesOf({ mlpBias: true }), 'down_proj.bias')).toEqual([0, 1, 2]);
});

it('No tensor is listed twice', () => {
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

it('A layer with all optional parts has these tensors, with these roles and shapes', () => {
  const all = { qkvBias: true, outputBias: true, mlpBias: true, qkNorm: true, layerCount: 1, headDim: 16 };
  const specs = weightSpecs({ ...dims, ...all }, layersOf('0'));
  expect(
    specs.map(({ role, name, rows, cols, vector }) => [role, name, vector ? [cols] : [rows, cols]]),
  ).toEqual([
    ['embed', 'model.embed_tokens.weight', [100, 32]],
    ['attentionNorm', 'model.layers.0.input_layernorm.weight', [32]],
    ['q', 'model.layers.0.self_attn.q_proj.weight', [64, 32]],
    ['qBias', 'model.layers.0.self_attn.q_proj.bias', [64]],
    ['qNorm', 'model.layers.0.self_attn.q_norm.weight', [16]],
    ['k', 'model.layers.0.self_attn.k_proj.weight', [32, 32]],
    ['v', 'model.layers.0.self_attn.v_proj.weight', [32, 32]],
    ['kBias', 'model.layers.0.self_attn.k_proj.bias', [32]],
    ['vBias', 'model.layers.0.self_attn.v_proj.bias', [32]],
    ['kNorm', 'model.layers.0.self_attn.k_norm.weight', [16]],
    ['o', 'model.layers.0.self_attn.o_proj.weight', [32, 64]],
    ['oBias', 'model.layers.0.self_attn.o_proj.bias', [32]],
    ['mlpNorm', 'model.layers.0.post_attention_layernorm.weight', [32]],
    ['gate', 'model.layers.0.mlp.gate_proj.weight', [48, 32]],
    ['up', 'model.layers.0.mlp.up_proj.weight', [48, 32]],
    ['down', 'model.layers.0.mlp.down_proj.weight', [32, 48]],
    ['gateBias', 'model.layers.0.mlp.gate_proj.bias', [48]],
    ['upBias', 'model.layers.0.mlp.up_proj.bias', [48]],
    ['downBias', 'model.layers.0.mlp.down_proj.bias', [32]],
    ['finalNorm', 'model.norm.weight', [32]],
    ['head', 'lm_head.weight', [100, 32]],
  ]);
  expect(specs.every(({ layer }) => layer === 0)).toBe(true);
});

it('Each tensor belongs to the layer in its name', () => {
  for (const { name, layer } of weightSpecs(dims, layersOf('0_1_2'))) {
    expect(layer).toBe(Number(/^model\.layers\.(\d)\./.exec(name)?.[1] ?? 0));
  }
});
