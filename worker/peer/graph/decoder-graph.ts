/**
 * A decoder as an ONNX graph, in the form that transformers.js expects for text generation, with the operators that
 * exports for ONNX Runtime have: queries, keys and values of one product, and GroupQueryAttention. Batches of one. It
 * gives the logits of the last token alone, which is all that a generation needs.
 *
 * The graph computes sequential mode: a layer that reads above itself sees what was cached before the call, so the prompt
 * of such a model must come token by token.
 */
import { dequantizeRows, quantizeRows, type QuantizedFormat } from '../../../gpu/numbers/quantize.ts';
import type { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { ownersOf, type LayerType } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { ropeTable } from '../../../gpu/plan/rope.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { WeightRole } from '../../../gpu/plan/weight-specs.ts';
import { AttendedRows, pastName, presentName } from './attended-rows.ts';
import { castTo, MICROSOFT, OnnxGraph, type Numbers } from './onnx-graph.ts';
import { quantizedMatrix } from './quantized-matrix.ts';

export interface GraphOptions {
  readonly numbers: Numbers;
  /** How matrices are kept; null for the numbers that the graph computes with. */
  readonly quantized: QuantizedFormat | null;
  /** Whether that goes for the embeddings and the head too. */
  readonly quantizeEmbeddings: boolean;
  /** The most tokens of a text: the tables of positions are as long. */
  readonly positions: number;
}

/** float32 holds 16-bit weights exactly, and every device has it. */
export const plainGraph: Omit<GraphOptions, 'positions'> = {
  numbers: 'float',
  quantized: null,
  quantizeEmbeddings: false,
};

/**
 * The file `model.onnx` of a model.
 *
 * @throws NotQuantizable
 */
export function decoderGraph(
  dims: ModelDims,
  sharing: Sharing,
  weights: CpuWeights,
  options: GraphOptions,
): Uint8Array<ArrayBuffer> {
  return new DecoderGraph(dims, sharing, weights, options).write();
}

/** Whether a layer attends to a cache that is its own, to its own position too: all of it or a window. */
const isPlain = ({ index, readsFrom }: LayerType, { forceNodiag }: Sharing) =>
  readsFrom === index && !forceNodiag;

class DecoderGraph {
  readonly #graph: OnnxGraph;
  readonly #dims: ModelDims;
  readonly #sharing: Sharing;
  readonly #weights: CpuWeights;
  readonly #options: GraphOptions;
  readonly #owners: readonly number[];
  readonly #attended: AttendedRows;
  #lengths: { readonly before: string; readonly all: string } | null = null;

  constructor(dims: ModelDims, sharing: Sharing, weights: CpuWeights, options: GraphOptions) {
    this.#graph = new OnnxGraph(options.numbers);
    this.#dims = dims;
    this.#sharing = sharing;
    this.#weights = weights;
    this.#options = options;
    this.#owners = ownersOf(sharing.layers);
    this.#attended = new AttendedRows(this.#graph, dims, sharing);
  }

  write(): Uint8Array<ArrayBuffer> {
    const { hiddenSize, kvHeads, headDim, vocabSize } = this.#dims;
    const graph = this.#graph;
    graph.input('input_ids', 'int64', ['batch_size', 'tokens']);
    graph.input('attention_mask', 'int64', ['batch_size', 'positions']);
    graph.input('position_ids', 'int64', ['batch_size', 'tokens']);
    for (const cache of this.#owners.keys()) {
      for (const part of ['key', 'value']) {
        const shape = (positions: string) => ['batch_size', kvHeads, positions, headDim];
        graph.input(pastName(cache, part), graph.numbers, shape('past'));
        graph.output(presentName(cache, part), graph.numbers, shape('positions'));
      }
    }
    graph.output('logits', 'float', ['batch_size', 1, vocabSize]);
    this.#ropeTables();

    const embed = graph.floats('embed', [vocabSize, hiddenSize], this.#embeddings());
    let hidden = graph.op('Gather', [embed, 'input_ids']);
    let delta: string | null = null;
    for (const layer of this.#sharing.layers) {
      const attention = this.#norm(hidden, delta, 'attentionNorm', layer.index);
      const mixed = isPlain(layer, this.#sharing)
        ? this.#attendToOwn(attention.normed, layer)
        : this.#attendToShared(attention.normed, layer);
      const mlp = this.#norm(attention.hidden, mixed, 'mlpNorm', layer.index);
      delta = this.#feedForward(mlp.normed, layer.index);
      hidden = mlp.hidden;
    }
    // Everything after the last attention is needed for one token alone.
    const { normed } = this.#norm(hidden, delta, 'finalNorm', 0);
    const last = graph.op('Slice', [normed, graph.ints(-1), graph.ints(2 ** 31), graph.ints(1)]);
    const logits = this.#project(last, [this.#dims.tiedEmbeddings ? 'embed' : 'head'], 0);
    graph.op('Cast', [logits], { attributes: { to: castTo('float') }, outputs: ['logits'] });
    return graph.toFile();
  }

  /** The residual sum and its RMS norm in one node, as in exports for ONNX Runtime. */
  #norm(hidden: string, delta: string | null, role: WeightRole, layer: number) {
    const gain = this.#gain(role, layer, this.#dims.hiddenSize);
    const attributes = { epsilon: { float: this.#dims.rmsNormEps } };
    if (delta === null) {
      const own = { attributes: { ...attributes, axis: -1 } };
      return { hidden, normed: this.#graph.op('SimplifiedLayerNormalization', [hidden, gain], own) };
    }
    const [sum, normed] = [`${role}/${layer}/sum`, `${role}/${layer}/normed`];
    const outputs = [normed, '', '', sum];
    const options = { attributes, outputs, domain: MICROSOFT };
    this.#graph.op('SkipSimplifiedLayerNormalization', [hidden, delta, gain], options);
    return { hidden: sum, normed };
  }

  #gain(role: WeightRole, layer: number, length: number): string {
    return this.#graph.floats(`${role}/${layer}`, [length], this.#weights.get(role, layer));
  }

  // Products ----------------------------------------------------------------------------------------------------

  #quantizedAs(role: WeightRole): QuantizedFormat | null {
    const spared = (role === 'embed' || role === 'head') && !this.#options.quantizeEmbeddings;
    return spared ? null : this.#options.quantized;
  }

  /** Rows are looked up in a table of plain numbers, those that the quantized head would have if the two are tied. */
  #embeddings(): Float32Array {
    const table = this.#weights.get('embed');
    const format = this.#quantizedAs('embed');
    if (format === null) return table;
    const { hiddenSize } = this.#dims;
    return dequantizeRows(quantizeRows(table, hiddenSize, format), hiddenSize, format);
  }

  /** W·x (+ bias), for matrices one below the other. */
  #project(x: string, roles: readonly [WeightRole, ...WeightRole[]], layer: number): string {
    const name = `${roles.join('+')}/${layer}`;
    const [role] = roles;
    const cols =
      role === 'down' ? this.#dims.intermediateSize : role === 'o' ? this.#qRows : this.#dims.hiddenSize;
    const product = this.#multiply(
      x,
      name,
      joined(roles.map((each) => this.#weights.get(each, layer))),
      cols,
      this.#quantizedAs(role),
    );
    const biases = roles.flatMap((each) => this.#biasOf(each, layer));
    if (biases.length === 0) return product;
    const bias = joined(biases);
    return this.#graph.op('Add', [product, this.#graph.floats(`${name}/bias`, [bias.length], bias)]);
  }

  #biasOf(role: WeightRole, layer: number): readonly Float32Array[] {
    const of: Partial<Record<WeightRole, WeightRole>> = {
      ...{ q: 'qBias', k: 'kBias', v: 'vBias', o: 'oBias' },
      ...{ gate: 'gateBias', up: 'upBias', down: 'downBias' },
    };
    const bias = of[role] && this.#weights.find(of[role], layer);
    return bias ? [bias] : [];
  }

  #multiply(
    x: string,
    name: string,
    matrix: Float32Array,
    cols: number,
    format: QuantizedFormat | null,
  ): string {
    const rows = matrix.length / cols;
    if (format === null) {
      // ONNX multiplies from the right, so the matrix is written transposed.
      return this.#graph.op('MatMul', [
        x,
        this.#graph.floats(`${name}/transposed`, [cols, rows], transposed(matrix, cols)),
      ]);
    }
    const { bits, groupSize, shape, bytes, scales } = quantizedMatrix(matrix, cols, format);
    return this.#graph.op(
      'MatMulNBits',
      [
        x,
        this.#graph.bytes(`${name}/${format}`, shape, bytes),
        this.#graph.floats(`${name}/scales`, [scales.length], scales),
      ],
      { attributes: { K: cols, N: rows, bits, block_size: groupSize }, domain: MICROSOFT },
    );
  }

  #feedForward(x: string, layer: number): string {
    const gate = this.#project(x, ['gate'], layer);
    const silu = this.#graph.op('Mul', [gate, this.#graph.op('Sigmoid', [gate])]);
    return this.#project(this.#graph.op('Mul', [silu, this.#project(x, ['up'], layer)]), ['down'], layer);
  }

  // Attention ---------------------------------------------------------------------------------------------------

  get #qRows() {
    return this.#dims.heads * this.#dims.headDim;
  }

  /** Cosines and sines by position. */
  #ropeTables(): void {
    const { rope, headDim } = this.#dims;
    const { positions } = this.#options;
    const table = ropeTable(rope, headDim, positions);
    for (const [part, trig] of ['cos', 'sin'].entries()) {
      this.#graph.floats(
        trig,
        [positions, headDim / 2],
        table.filter((_, i) => i % 2 === part),
      );
    }
  }

  #rotate(x: string): string {
    return this.#graph.op('RotaryEmbedding', [x, 'position_ids', 'cos', 'sin'], { domain: MICROSOFT });
  }

  /** An RMS norm over each head, where the model has one. */
  #normHeads(x: string, role: 'qNorm' | 'kNorm', layer: number, heads: number): string {
    if (!this.#dims.qkNorm) return x;
    const { headDim, rmsNormEps } = this.#dims;
    const apart = this.#graph.op('Reshape', [x, this.#graph.ints(1, -1, heads, headDim)]);
    const normed = this.#graph.op('SimplifiedLayerNormalization', [apart, this.#gain(role, layer, headDim)], {
      attributes: { epsilon: { float: rmsNormEps }, axis: -1 },
    });
    return this.#graph.op('Reshape', [normed, this.#graph.ints(1, -1, heads * headDim)]);
  }

  #queries(normed: string, layer: number): string {
    return this.#normHeads(this.#project(normed, ['q'], layer), 'qNorm', layer, this.#dims.heads);
  }

  #keys(normed: string, layer: number): string {
    return this.#normHeads(this.#project(normed, ['k'], layer), 'kNorm', layer, this.#dims.kvHeads);
  }

  /** Attention of a plain layer: one operator, which also rotates and caches. */
  #attendToOwn(normed: string, { index, windowed }: LayerType): string {
    const { heads, kvHeads, headDim, qkNorm } = this.#dims;
    const cache = this.#owners.indexOf(index);
    const mixed = `attention/${index}`;
    // Norms over heads come between the product and the rotation, so queries and keys must be apart.
    const fresh = qkNorm
      ? [this.#queries(normed, index), this.#keys(normed, index), this.#project(normed, ['v'], index)]
      : [this.#project(normed, ['q', 'k', 'v'], index), '', ''];
    const past = [pastName(cache, 'key'), pastName(cache, 'value')];
    const { before, all } = (this.#lengths ??= this.#textLengths());
    this.#graph.op('GroupQueryAttention', [...fresh, ...past, before, all, 'cos', 'sin'], {
      attributes: {
        num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: 1 / Math.sqrt(headDim) },
        do_rotary: 1,
        ...(windowed && { local_window_size: this.#sharing.windowTokens }),
      },
      outputs: [mixed, presentName(cache, 'key'), presentName(cache, 'value')],
      domain: MICROSOFT,
    });
    return this.#project(mixed, ['o'], index);
  }

  /** The tokens of the text but one, `[1]`, and all of them, as the operator wants them. */
  #textLengths() {
    const graph = this.#graph;
    const toInt = (value: string) => graph.op('Cast', [value], { attributes: { to: castTo('int32') } });
    const counted = graph.op('Gather', [graph.op('Shape', ['attention_mask']), graph.scalar(1)], {
      attributes: { axis: 0 },
    });
    const before = graph.op('Reshape', [graph.op('Sub', [counted, graph.scalar(1)]), graph.ints(1)]);
    return { before: toInt(before), all: toInt(counted) };
  }

  /** Attention without the diagonal, or to another layer's rows. */
  #attendToShared(normed: string, layer: LayerType): string {
    const { heads, kvHeads, headDim } = this.#dims;
    const graph = this.#graph;
    const groupSize = heads / kvHeads;
    if (this.#owners.includes(layer.index)) this.#cache(normed, layer.index);
    const { keysTransposed, values, bias } = this.#attended.of(layer);
    const scale = graph.floats(`scale/${layer.index}`, [1], Float32Array.of(1 / Math.sqrt(headDim)));
    const q = graph.op('Mul', [this.#rotate(this.#queries(normed, layer.index)), scale]);
    const swap = { attributes: { perm: [0, 2, 1, 3, 4] } };
    const split = graph.op('Reshape', [q, graph.ints(1, -1, kvHeads, groupSize, headDim)]);
    const queries = graph.op('Reshape', [
      graph.op('Transpose', [split], swap),
      graph.ints(1, kvHeads, -1, headDim),
    ]);
    const scores = graph.op('Add', [graph.op('MatMul', [queries, keysTransposed]), bias]);
    const mixed = graph.op('MatMul', [graph.op('Softmax', [scores], { attributes: { axis: -1 } }), values]);
    const apart = graph.op('Reshape', [mixed, graph.ints(1, kvHeads, -1, groupSize, headDim)]);
    const joinedHeads = graph.op('Reshape', [
      graph.op('Transpose', [apart], swap),
      graph.ints(1, -1, this.#qRows),
    ]);
    return this.#project(joinedHeads, ['o'], layer.index);
  }

  /** Appends an owner's keys and values to its cache. */
  #cache(normed: string, layer: number): void {
    const { kvHeads, headDim } = this.#dims;
    const cache = this.#owners.indexOf(layer);
    const fresh = {
      key: this.#rotate(this.#keys(normed, layer)),
      value: this.#project(normed, ['v'], layer),
    };
    for (const [part, row] of Object.entries(fresh)) {
      const heads = this.#graph.op('Reshape', [row, this.#graph.ints(1, -1, kvHeads, headDim)]);
      const byHead = this.#graph.op('Transpose', [heads], { attributes: { perm: [0, 2, 1, 3] } });
      const outputs = [presentName(cache, part)];
      this.#graph.op('Concat', [pastName(cache, part), byHead], { attributes: { axis: 2 }, outputs });
    }
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function transposed(matrix: Float32Array, cols: number): Float32Array {
  const rows = matrix.length / cols;
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) turned[col * rows + row] = matrix[row * cols + col] ?? 0;
  }
  return turned;
}
