import { kvOwners } from './sharing.ts';
import type { LayerType } from './layer-types.ts';
import type { ModelDims } from './model-dims.ts';

/** What a tensor is for. `gate` and `up`, `k` and `v` share an input and are kept together. */
export type WeightRole =
  | 'embed'
  | 'head'
  | 'finalNorm'
  | 'attentionNorm'
  | 'mlpNorm'
  | 'q'
  | 'k'
  | 'v'
  | 'o'
  | 'qBias'
  | 'kBias'
  | 'vBias'
  | 'oBias'
  | 'qNorm'
  | 'kNorm'
  | 'gate'
  | 'up'
  | 'down'
  | 'gateBias'
  | 'upBias'
  | 'downBias';

/** One tensor that a checkpoint must hold: `[rows, cols]`, or a vector of `cols` if `rows` is 1. */
export interface WeightSpec {
  /** The tensor's name in a Hugging Face checkpoint. */
  readonly name: string;
  readonly role: WeightRole;
  /** Its layer; 0 for the tensors that belong to none. */
  readonly layer: number;
  readonly rows: number;
  readonly cols: number;
  readonly vector: boolean;
}

/** Every tensor of a model whose checkpoint was written under the plan `stored`, in the order of the layers. */
export function weightSpecs(dims: ModelDims, stored: readonly LayerType[]): readonly WeightSpec[] {
  const specs: WeightSpec[] = [];
  const matrix = (role: WeightRole, layer: number, name: string, rows: number, cols: number) =>
    specs.push({ name, role, layer, rows, cols, vector: false });
  const vector = (role: WeightRole, layer: number, name: string, cols: number) =>
    specs.push({ name, role, layer, rows: 1, cols, vector: true });

  const { hiddenSize, intermediateSize, headDim } = dims;
  const qRows = dims.heads * headDim;
  const kvRows = dims.kvHeads * headDim;
  const owners = new Set(kvOwners(stored).map((owner) => owner.layer));

  matrix('embed', 0, 'model.embed_tokens.weight', dims.vocabSize, hiddenSize);
  for (let layer = 0; layer < dims.layerCount; layer++) {
    const attention = `model.layers.${layer}.self_attn`;
    const mlp = `model.layers.${layer}.mlp`;
    vector('attentionNorm', layer, `model.layers.${layer}.input_layernorm.weight`, hiddenSize);
    matrix('q', layer, `${attention}.q_proj.weight`, qRows, hiddenSize);
    if (dims.qkvBias) vector('qBias', layer, `${attention}.q_proj.bias`, qRows);
    if (dims.qkNorm) vector('qNorm', layer, `${attention}.q_norm.weight`, headDim);
    if (owners.has(layer)) {
      matrix('k', layer, `${attention}.k_proj.weight`, kvRows, hiddenSize);
      matrix('v', layer, `${attention}.v_proj.weight`, kvRows, hiddenSize);
      if (dims.qkvBias) vector('kBias', layer, `${attention}.k_proj.bias`, kvRows);
      if (dims.qkvBias) vector('vBias', layer, `${attention}.v_proj.bias`, kvRows);
      if (dims.qkNorm) vector('kNorm', layer, `${attention}.k_norm.weight`, headDim);
    }
    matrix('o', layer, `${attention}.o_proj.weight`, hiddenSize, qRows);
    if (dims.outputBias) vector('oBias', layer, `${attention}.o_proj.bias`, hiddenSize);
    vector('mlpNorm', layer, `model.layers.${layer}.post_attention_layernorm.weight`, hiddenSize);
    matrix('gate', layer, `${mlp}.gate_proj.weight`, intermediateSize, hiddenSize);
    matrix('up', layer, `${mlp}.up_proj.weight`, intermediateSize, hiddenSize);
    matrix('down', layer, `${mlp}.down_proj.weight`, hiddenSize, intermediateSize);
    if (dims.mlpBias) vector('gateBias', layer, `${mlp}.gate_proj.bias`, intermediateSize);
    if (dims.mlpBias) vector('upBias', layer, `${mlp}.up_proj.bias`, intermediateSize);
    if (dims.mlpBias) vector('downBias', layer, `${mlp}.down_proj.bias`, hiddenSize);
  }
  vector('finalNorm', 0, 'model.norm.weight', hiddenSize);
  if (!dims.tiedEmbeddings) matrix('head', 0, 'lm_head.weight', dims.vocabSize, hiddenSize);
  return specs;
}
