/**
 * A decoder as a GGUF file for llama.cpp. Models with norms over heads are its `qwen3`; all others are its `llama`, which
 * takes biases too. Every layer has a cache of its own there.
 */
import type { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { keptFormat, type MatrixFormat, type WeightFormats } from '../../../gpu/numbers/matrix-format.ts';
import type { LayerType } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { ropeFrequencies } from '../../../gpu/plan/rope.ts';
import { weightSpecs, type WeightRole, type WeightSpec } from '../../../gpu/plan/weight-specs.ts';
import { GgufFile } from './gguf-file.ts';
import { ggufBytesPerNumber, ggufMatrix } from './gguf-matrix.ts';
import { vocabulary } from './token-text.ts';

/** What llama.cpp's file cannot say of a model. */
export class NotWritable extends Error {}

export interface GgufOptions extends WeightFormats {
  /** How the checkpoint has a tensor. */
  readonly storedAs: (spec: WeightSpec) => MatrixFormat;
  /** The most tokens of a text. */
  readonly positions: number;
}

/**
 * The file of a model, in pieces that follow one another.
 *
 * @param layers the plan: each layer owns its keys and values, and sees all of them
 * @throws NotWritable, NotQuantizable
 */
export function decoderGguf(
  dims: ModelDims,
  layers: readonly LayerType[],
  weights: CpuWeights,
  options: GgufOptions,
): readonly Uint8Array<ArrayBuffer>[] {
  const why = whyNotWritable(dims, layers);
  if (why !== null) throw new NotWritable(why);
  const file = new GgufFile();
  writeFacts(file, dims, options.positions);
  writeRopeFactors(file, dims);
  for (const spec of weightSpecs(dims, layers)) {
    const { role, layer, cols, rows, vector } = spec;
    const stored = weights.get(role, layer);
    const values = turnsPairs(dims) ? pairsTogether(stored, spec, dims) : stored;
    const { type, bytes } = ggufMatrix(values, cols, formatOf(spec, options));
    file.tensor(nameOf(spec), vector ? [cols] : [cols, rows], type, bytes);
  }
  return file.toParts();
}

/** Vectors are float32, as in kvtab. */
const formatOf = (spec: WeightSpec, { storedAs, ...formats }: GgufOptions): MatrixFormat =>
  spec.vector ? 'f32' : keptFormat(spec, storedAs(spec), formats);

/** Bytes of all tensors. */
export const ggufBytes = (dims: ModelDims, layers: readonly LayerType[], options: GgufOptions): number =>
  weightSpecs(dims, layers).reduce(
    (sum, spec) => sum + spec.rows * spec.cols * ggufBytesPerNumber(formatOf(spec, options)),
    0,
  );

function whyNotWritable(dims: ModelDims, layers: readonly LayerType[]): string | null {
  const { qkNorm, rope } = dims;
  if (layers.some(({ index, readsFrom }) => index !== readsFrom)) return 'a layer reads another one';
  if (layers.some(({ windowed }) => windowed)) return 'a layer sees only a window';
  if (rope.type === 'yarn') return 'its positions are stretched by YaRN';
  if (!qkNorm) return null;
  if (rope.type !== 'default') return 'it has norms over heads, and its positions are stretched';
  return dims.qkvBias || dims.outputBias || dims.mlpBias ? 'it has norms over heads and biases' : null;
}

function writeFacts(file: GgufFile, dims: ModelDims, positions: number): void {
  const name = dims.qkNorm ? 'qwen3' : 'llama';
  file.text('general.architecture', name);
  file.whole(`${name}.context_length`, Math.max(positions, dims.contextTokens));
  file.whole(`${name}.embedding_length`, dims.hiddenSize);
  file.whole(`${name}.block_count`, dims.layerCount);
  file.whole(`${name}.feed_forward_length`, dims.intermediateSize);
  file.whole(`${name}.attention.head_count`, dims.heads);
  file.whole(`${name}.attention.head_count_kv`, dims.kvHeads);
  file.whole(`${name}.attention.key_length`, dims.headDim);
  file.whole(`${name}.attention.value_length`, dims.headDim);
  file.number(`${name}.attention.layer_norm_rms_epsilon`, dims.rmsNormEps);
  file.whole(`${name}.rope.dimension_count`, dims.headDim);
  file.number(`${name}.rope.freq_base`, dims.rope.theta);
  file.whole(`${name}.vocab_size`, dims.vocabSize);
  // Of llama.cpp's tokenizers this one alone has no begin or end token unless it is told.
  file.text('tokenizer.ggml.model', 'rwkv');
  // llama.cpp looks up a line feed, which is no token here, and takes the unknown one.
  file.whole('tokenizer.ggml.unknown_token_id', 0);
  file.texts('tokenizer.ggml.tokens', vocabulary(dims.vocabSize));
}

/** How much slower each pair of a head turns than the base alone says. */
function writeRopeFactors(file: GgufFile, { rope, headDim }: ModelDims): void {
  if (rope.type === 'default') return;
  const plain = ropeFrequencies({ type: 'default', theta: rope.theta }, headDim);
  const factors = Float32Array.from(
    ropeFrequencies(rope, headDim),
    (frequency, pair) => (plain[pair] ?? NaN) / frequency,
  );
  file.tensor('rope_freqs.weight', [factors.length], 'f32', new Uint8Array(factors.buffer));
}

/** `llama` turns neighbors of a head together, as the first LLaMA did; `qwen3` turns the halves of a head, as here. */
const turnsPairs = ({ qkNorm }: ModelDims) => !qkNorm;

/** Rows of queries or keys in the order in which both numbers of a pair follow one another. Others stay as they are. */
function pairsTogether(values: Float32Array, { role, rows, cols }: WeightSpec, { headDim }: ModelDims) {
  if (!['q', 'k', 'qBias', 'kBias'].includes(role)) return values;
  const length = rows === 1 ? 1 : cols;
  const moved = new Float32Array(values.length);
  for (let row = 0; row < values.length / length; row++) {
    const at = row % headDim;
    const from = row - at + (at % 2) * (headDim / 2) + (at >> 1);
    moved.set(values.subarray(from * length, (from + 1) * length), row * length);
  }
  return moved;
}

const names: Readonly<Record<WeightRole, string>> = {
  ...{ embed: 'token_embd.weight', head: 'output.weight', finalNorm: 'output_norm.weight' },
  ...{ attentionNorm: 'attn_norm.weight', mlpNorm: 'ffn_norm.weight' },
  ...{ q: 'attn_q.weight', k: 'attn_k.weight', v: 'attn_v.weight', o: 'attn_output.weight' },
  ...{ qBias: 'attn_q.bias', kBias: 'attn_k.bias', vBias: 'attn_v.bias', oBias: 'attn_output.bias' },
  ...{ qNorm: 'attn_q_norm.weight', kNorm: 'attn_k_norm.weight' },
  ...{ gate: 'ffn_gate.weight', up: 'ffn_up.weight', down: 'ffn_down.weight' },
  ...{ gateBias: 'ffn_gate.bias', upBias: 'ffn_up.bias', downBias: 'ffn_down.bias' },
};

const ofNoLayer: ReadonlySet<WeightRole> = new Set(['embed', 'head', 'finalNorm']);

const nameOf = ({ role, layer }: WeightSpec) =>
  ofNoLayer.has(role) ? names[role] : `blk.${layer}.${names[role]}`;
