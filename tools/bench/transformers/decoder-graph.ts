/**
 * A decoder as an ONNX graph, in the form that transformers.js expects for text generation. Float32 throughout, because
 * the software adapter has no 16-bit arithmetic, and float32 holds 16-bit weights exactly.
 *
 * The graph computes sequential mode: a layer that reads above itself sees what was cached before the call, so the prompt
 * of such a model must come token by token. Batches of one.
 */
import type { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { ownersOf, type LayerType } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { ropeTable } from '../../../gpu/plan/rope.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { WeightRole } from '../../../gpu/plan/weight-specs.ts';
import { AttendedRows, pastName, presentName } from './attended-rows.ts';
import { MICROSOFT, OnnxGraph } from './onnx-graph.ts';

const LONGEST_TABLE = 4096;

/** The file `model.onnx` of a model. */
export function decoderGraph(
  dims: ModelDims,
  sharing: Sharing,
  weights: CpuWeights,
): Uint8Array<ArrayBuffer> {
  if (dims.qkNorm) throw new Error('the ONNX writer does not know norms over query and key heads');
  return new DecoderGraph(dims, sharing, weights).write();
}

class DecoderGraph {
  readonly #graph = new OnnxGraph();
  readonly #dims: ModelDims;
  readonly #sharing: Sharing;
  readonly #weights: CpuWeights;
  readonly #owners: readonly number[];
  readonly #attended: AttendedRows;

  constructor(dims: ModelDims, sharing: Sharing, weights: CpuWeights) {
    this.#dims = dims;
    this.#sharing = sharing;
    this.#weights = weights;
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
        graph.input(pastName(cache, part), 'float', ['batch_size', kvHeads, 'past', headDim]);
        graph.output(presentName(cache, part), 'float', ['batch_size', kvHeads, 'positions', headDim]);
      }
    }
    graph.output('logits', 'float', ['batch_size', 'tokens', vocabSize]);
    this.#ropeTables();

    const embed = graph.floats('embed', [vocabSize, hiddenSize], this.#weights.get('embed'));
    let hidden = graph.op('Gather', [embed, 'input_ids']);
    let delta: string | null = null;
    for (const layer of this.#sharing.layers) {
      const attention = this.#norm(hidden, delta, 'attentionNorm', layer.index);
      if (this.#owners.includes(layer.index)) this.#cache(attention.normed, layer.index);
      const mixed = this.#attend(attention.normed, layer);
      const mlp = this.#norm(attention.hidden, mixed, 'mlpNorm', layer.index);
      delta = this.#feedForward(mlp.normed, layer.index);
      hidden = mlp.hidden;
    }
    const { normed } = this.#norm(hidden, delta, 'finalNorm', 0);
    this.#project(normed, this.#dims.tiedEmbeddings ? 'embed' : 'head', 0, null, 'logits');
    return graph.toFile();
  }

  /** The residual sum and its RMS norm in one node, as in exports for ONNX Runtime. */
  #norm(hidden: string, delta: string | null, role: WeightRole, layer: number) {
    const gain = this.#graph.floats(
      `${role}/${layer}`,
      [this.#dims.hiddenSize],
      this.#weights.get(role, layer),
    );
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

  /** W·x (+ bias). ONNX multiplies from the right, so the matrix is written transposed. */
  #project(x: string, role: WeightRole, layer: number, bias: WeightRole | null, as?: string): string {
    const matrix = this.#weights.get(role, layer);
    const added = bias === null ? undefined : this.#weights.find(bias, layer);
    const cols =
      role === 'down' ? this.#dims.intermediateSize : role === 'o' ? this.#qRows : this.#dims.hiddenSize;
    const name = `${role}/${layer}/transposed`;
    const w = this.#graph.floats(name, [cols, matrix.length / cols], transposed(matrix, cols));
    if (!added || bias === null)
      return this.#graph.op('MatMul', [x, w], as === undefined ? {} : { outputs: [as] });
    const b = this.#graph.floats(`${bias}/${layer}`, [added.length], added);
    return this.#graph.op('Add', [this.#graph.op('MatMul', [x, w]), b]);
  }

  #feedForward(x: string, layer: number): string {
    const gate = this.#project(x, 'gate', layer, 'gateBias');
    const silu = this.#graph.op('Mul', [gate, this.#graph.op('Sigmoid', [gate])]);
    const gated = this.#graph.op('Mul', [silu, this.#project(x, 'up', layer, 'upBias')]);
    return this.#project(gated, 'down', layer, 'downBias');
  }

  // Attention ---------------------------------------------------------------------------------------------------

  get #qRows() {
    return this.#dims.heads * this.#dims.headDim;
  }

  /** Cosines and sines by position. Those of queries include the scale of the scores, which saves a node per layer. */
  #ropeTables(): void {
    const { rope, headDim, contextTokens } = this.#dims;
    const positions = Math.min(contextTokens, LONGEST_TABLE);
    const table = ropeTable(rope, headDim, positions);
    for (const [name, scale] of [
      ['k', 1],
      ['q', 1 / Math.sqrt(headDim)],
    ] as const) {
      for (const [part, trig] of ['cos', 'sin'].entries()) {
        const values = table.filter((_, i) => i % 2 === part).map((value) => value * scale);
        this.#graph.floats(`${trig} ${name}`, [positions, headDim / 2], values);
      }
    }
  }

  #rotate(x: string, tables: 'q' | 'k'): string {
    const inputs = [x, 'position_ids', `cos ${tables}`, `sin ${tables}`];
    return this.#graph.op('RotaryEmbedding', inputs, { domain: MICROSOFT });
  }

  /** Appends an owner's keys and values to its cache. */
  #cache(normed: string, layer: number): void {
    const { kvHeads, headDim } = this.#dims;
    const cache = this.#owners.indexOf(layer);
    const fresh = {
      key: this.#rotate(this.#project(normed, 'k', layer, 'kBias'), 'k'),
      value: this.#project(normed, 'v', layer, 'vBias'),
    };
    for (const [part, row] of Object.entries(fresh)) {
      const heads = this.#graph.op('Reshape', [row, this.#graph.ints(1, -1, kvHeads, headDim)]);
      const byHead = this.#graph.op('Transpose', [heads], { attributes: { perm: [0, 2, 1, 3] } });
      const outputs = [presentName(cache, part)];
      this.#graph.op('Concat', [pastName(cache, part), byHead], { attributes: { axis: 2 }, outputs });
    }
  }

  #attend(normed: string, layer: LayerType): string {
    const { heads, kvHeads, headDim } = this.#dims;
    const graph = this.#graph;
    const groupSize = heads / kvHeads;
    const { keysTransposed, values, bias } = this.#attended.of(layer);
    const q = this.#rotate(this.#project(normed, 'q', layer.index, 'qBias'), 'q');
    const swap = { attributes: { perm: [0, 2, 1, 3, 4] } };
    const split = graph.op('Reshape', [q, graph.ints(1, -1, kvHeads, groupSize, headDim)]);
    const queries = graph.op('Reshape', [
      graph.op('Transpose', [split], swap),
      graph.ints(1, kvHeads, -1, headDim),
    ]);
    const scores = graph.op('Add', [graph.op('MatMul', [queries, keysTransposed]), bias]);
    const mixed = graph.op('MatMul', [graph.op('Softmax', [scores], { attributes: { axis: -1 } }), values]);
    const apart = graph.op('Reshape', [mixed, graph.ints(1, kvHeads, -1, groupSize, headDim)]);
    const joined = graph.op('Reshape', [
      graph.op('Transpose', [apart], swap),
      graph.ints(1, -1, this.#qRows),
    ]);
    return this.#project(joined, 'o', layer.index, 'oBias');
  }
}

function transposed(matrix: Float32Array, cols: number): Float32Array {
  const rows = matrix.length / cols;
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * cols + Math.floor(i / rows)] ?? 0);
}
