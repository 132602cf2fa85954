import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toF16 } from '../../gpu/numbers/element-type.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';
import { valueOf } from '../../worker/outcome.ts';
import { fileOfTensors } from '../unit/worker/safetensors-file.ts';

const shipped = 'public/models/fairy-llama';

const common = {
  ...{ vocab_size: 2048, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 3, head_dim: 16 },
  ...{ max_position_embeddings: 256, rms_norm_eps: 1e-6, rope_theta: 10_000 },
};

/** Small models of two families, each with what is peculiar to it. */
export const tinyConfigs = {
  /** Norms over heads, and a head of its own. */
  'qwen-like': {
    ...{ ...common, model_type: 'qwen3', num_attention_heads: 4, num_key_value_heads: 4 },
    tie_word_embeddings: false,
  },
  /** Biases on queries, keys and values. */
  'qwen2-like': {
    ...{ ...common, model_type: 'qwen2', num_attention_heads: 4, num_key_value_heads: 2 },
    tie_word_embeddings: false,
  },
  /** Three query heads to a key head, and a head that is the embedding. */
  'smollm-like': {
    ...{ ...common, model_type: 'llama', hidden_size: 96, num_attention_heads: 6, num_key_value_heads: 2 },
    tie_word_embeddings: true,
  },
} as const;

/** Writes a checkpoint of random 16-bit weights, with the tokenizer of a shipped model. */
export function writeTinyCheckpoint(folder: string, kind: keyof typeof tinyConfigs): void {
  const config = tinyConfigs[kind];
  const { dims, stored } = valueOf(parseModelConfig(config));
  const plan = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers;
  let state = 1;
  /** Uniform in -1…1: the generator of Park and Miller. */
  const random = () => ((state = (state * 48_271) % 0x7fffffff) / 0x7fffffff) * 2 - 1;
  const tensors = weightSpecs(dims, plan).map(({ name, role, rows, cols, vector }) => {
    const scale = vector ? 0.3 : 2 / Math.sqrt(cols);
    const mean = role.endsWith('Norm') ? 1 : 0;
    const values = Float32Array.from({ length: rows * cols }, () => mean + scale * random());
    const bytes = new Uint8Array(toF16(values).buffer);
    return [name, { dtype: 'F16', shape: vector ? [cols] : [rows, cols], bytes }] as const;
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'model.safetensors'), fileOfTensors(new Map(tensors)));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(shipped, file), join(folder, file));
}
