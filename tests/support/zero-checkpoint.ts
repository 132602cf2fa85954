import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';

const config = {
  ...{ model_type: 'llama', vocab_size: 32_000, hidden_size: 1024, intermediate_size: 4096 },
  ...{ num_hidden_layers: 15, num_attention_heads: 16, num_key_value_heads: 4 },
  ...{ tie_word_embeddings: true, max_position_embeddings: 2048 },
};

/** A model whose weights are zeros, without storing the zeros. */
export interface ZeroCheckpoint {
  /** The content of config.json. */
  readonly config: string;
  /** The beginning of model.safetensors. */
  readonly head: Uint8Array;
  /** Bytes of the whole file. All bytes after its head are zeros. */
  readonly sizeBytes: number;
}

/** Half a gigabyte of BF16 weights, in the form of a LLaMA checkpoint. */
export function zeroCheckpoint(): ZeroCheckpoint {
  const read = parseModelConfig(config);
  const plan = read.ok && applyConfig(read.value.stored, {}, config.num_hidden_layers);
  if (!read.ok || !plan || !plan.ok) throw new Error('the configuration is wrong');
  let end = 0;
  const entries = weightSpecs(read.value.dims, plan.value.sharing.layers).map(
    ({ name, rows, cols, vector }) => {
      const begin = end;
      end += rows * cols * 2;
      const shape = vector ? [cols] : [rows, cols];
      return [name, { dtype: 'BF16', shape, data_offsets: [begin, end] }] as const;
    },
  );
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const head = new Uint8Array(8 + header.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true);
  head.set(header, 8);
  return { config: JSON.stringify(config), head, sizeBytes: head.length + end };
}
