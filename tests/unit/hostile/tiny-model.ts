/** A model of three small layers with a real tokenizer: the base that hostile files and fuzzers spoil. */
import { readFileSync } from 'node:fs';
import type { LayerType } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { fileOfTensors } from '../worker/safetensors-file.ts';

/** The files of a model by name. A file that is null is not there. */
export type ModelFiles = Readonly<Record<string, string | Uint8Array<ArrayBuffer> | null>>;

const shipped = (file: string) => readFileSync(`public/models/fairy-lckv/${file}`, 'utf8');

export const tokenizerJson = shipped('tokenizer.json');
export const tokenizerConfigJson = shipped('tokenizer_config.json');

export const config = {
  model_type: 'lckv-llama',
  vocab_size: 2048,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  layer_types: '0_2_2',
  sliding_window: 64,
  forward_passes: 2,
  backward_passes: 1,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 1,
};

const { dims, stored } = valueOf(parseModelConfig(config));
const { layers } = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing;

/** A safetensors file with every tensor of a model, in F32. The numbers are small and all the same each time. */
export function weightsOf(of: ModelDims, plan: readonly LayerType[]): Uint8Array<ArrayBuffer> {
  return fileOfTensors(
    new Map(
      weightSpecs(of, plan).map(({ name, rows, cols, vector }, index) => {
        const numbers = Float32Array.from(
          { length: rows * cols },
          (_, i) => (((i * 7919 + index * 104_729) % 2003) / 2003 - 0.5) * 0.2 + (vector ? 1 : 0),
        );
        const shape = vector ? [cols] : [rows, cols];
        return [name, { dtype: 'F32', shape, bytes: new Uint8Array(numbers.buffer) }] as const;
      }),
    ),
  );
}

export const weights = weightsOf(dims, layers);
export const tensorNames = weightSpecs(dims, layers).map(({ name }) => name);

export const files: ModelFiles = {
  'config.json': JSON.stringify(config),
  'tokenizer.json': tokenizerJson,
  'tokenizer_config.json': tokenizerConfigJson,
  'model.safetensors': weights,
};
