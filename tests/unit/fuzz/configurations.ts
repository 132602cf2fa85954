/** Edited configurations of small models of every family. */
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseConfigJson } from '../../../worker/loader/config-json.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { config, weightsOf, type ModelFiles } from '../hostile/tiny-model.ts';
import { editedJson, jsonEdits, type JsonEdits } from './edit-json.ts';

const small = { ...config, vocab_size: 67, layer_types: '0_2s_2' };
const plain = { ...small, layer_types: undefined, sliding_window: 16 };
const rope = { factor: 4, original_max_position_embeddings: 128 };
const bases = [
  small,
  { ...plain, model_type: 'llama', num_key_value_heads: 2, attention_bias: true, mlp_bias: true },
  {
    ...plain,
    model_type: 'llama',
    rope_scaling: { ...rope, rope_type: 'llama3', low_freq_factor: 1, high_freq_factor: 4 },
  },
  { ...plain, model_type: 'mistral', tie_word_embeddings: false },
  { ...plain, model_type: 'qwen2', use_sliding_window: true, max_window_layers: 1 },
  {
    ...{
      ...plain,
      model_type: 'qwen3',
      layer_types: ['full_attention', 'sliding_attention', 'full_attention'],
    },
    rope_parameters: {
      ...rope,
      rope_type: 'yarn',
      rope_theta: 5000,
      beta_fast: 32,
      beta_slow: 1,
      truncate: true,
    },
  },
];

export const editedConfigurations = jsonEdits(bases.length);

const MOST_NUMBERS = 200_000;

/** The files of a model with an edited configuration, and weights that fit it if the model is small. */
export function modelOf(edits: JsonEdits): ModelFiles {
  const text = editedJson(bases, edits);
  return { 'config.json': text, 'model.safetensors': fittingWeights(text) };
}

function fittingWeights(text: string): Uint8Array<ArrayBuffer> {
  const none = new Uint8Array(16);
  const read = readConfig(text);
  if (!read?.ok) return none;
  const { dims, stored } = read.value;
  const applied = applyConfig(stored, {}, dims.layerCount);
  // A configuration whose plan cannot be built must have been refused.
  if (!applied.ok) throw new Error(JSON.stringify(applied.failure));
  const { layers } = applied.value.sharing;
  return numbersOf(dims, layers) <= MOST_NUMBERS ? weightsOf(dims, layers) : none;
}

function readConfig(text: string) {
  try {
    return parseModelConfig(parseConfigJson(text));
  } catch {
    return null; // The loader says why.
  }
}

const numbersOf = (dims: ModelDims, layers: Parameters<typeof weightSpecs>[1]) =>
  dims.layerCount > 8
    ? Infinity
    : weightSpecs(dims, layers).reduce((sum, { rows, cols }) => sum + rows * cols, 0);
