import type { ModelDims } from '../plan/model-dims.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import type { Address } from '../wasm/kernels.ts';
import { attend, attendBack, type AttentionCall } from './attention.ts';
import { matrix, turn, type Products } from './matrix.ts';
import type { Parameters } from './parameters.ts';
import type { KvNode, LayerRun } from './program.ts';
import type { Scratch, Space } from './space.ts';

/** What a layer computes with. */
export interface LayerTools extends Space {
  readonly dims: ModelDims;
  readonly parameters: Parameters;
  readonly products: Products;
  readonly scratch: Scratch;
  /** Positions that there is room for. */
  readonly room: number;
}

/** Runs layers forwards over `scratch.hidden`, and backwards over `scratch.dHidden`. */
export class Layers {
  readonly #tools: LayerTools;

  constructor(tools: LayerTools) {
    this.#tools = tools;
  }

  /** One run of a layer for `count` positions. */
  forward(run: LayerRun, count: number): void {
    const { dims, kernels, memory, scratch } = this.#tools;
    const { layer, tape, writes } = run;
    const { hiddenSize, intermediateSize } = dims;
    const hiddenBytes = 4 * count * hiddenSize;
    memory.copy(scratch.hidden, tape.input, hiddenBytes);
    this.#norm('attentionNorm', layer, tape.input, count);
    if (writes) this.#writeKv(layer, writes, count);
    if (!run.finishes) return;

    memory.copy(tape.input, tape.middle, hiddenBytes);
    const call = this.#attentionOf(run, count);
    if (call) {
      this.#project('q', 'qBias', layer, scratch.normed, tape.queries, count);
      this.#normHeads('qNorm', layer, tape.queries, tape.plainQueries, dims.heads, count);
      kernels.rotateRows(tape.queries, scratch.rope, dims.heads, dims.headDim, count, false);
      attend(call, tape.attended);
      this.#project('o', 'oBias', layer, tape.attended, tape.middle, count, true);
    } else {
      const bias = this.#tools.parameters.find('oBias', layer);
      if (bias !== 0) kernels.addBias(tape.middle, bias, hiddenSize, count);
    }

    this.#norm('mlpNorm', layer, tape.middle, count);
    this.#project('gate', 'gateBias', layer, scratch.normed, tape.gate, count);
    this.#project('up', 'upBias', layer, scratch.normed, tape.up, count);
    kernels.gateUp(tape.gate, tape.up, scratch.product, 4 * count * intermediateSize);
    memory.copy(tape.middle, scratch.hidden, hiddenBytes);
    this.#project('down', 'downBias', layer, scratch.product, scratch.hidden, count, true);
  }

  /**
   * The gradients of one run: `scratch.dHidden` has those of what it left, and then those of what it began with. Gradients
   * of weights that are trained, and of the keys and values that it read, add up where they lie.
   */
  backward(run: LayerRun, count: number): void {
    const { dims, kernels, memory, parameters, scratch } = this.#tools;
    const { layer, tape, writes } = run;
    const hiddenBytes = 4 * count * dims.hiddenSize;
    let normed = false;
    if (run.finishes) {
      this.#mlpBack(run, count);
      normed = this.#attentionBack(run, count);
    } else {
      memory.clear(scratch.dHidden, hiddenBytes);
    }
    const kvGradients = writes?.gradients;
    if (writes && kvGradients) {
      if (!normed) this.#norm('attentionNorm', layer, tape.input, count);
      kernels.rotateRows(kvGradients.keys, scratch.rope, dims.kvHeads, dims.headDim, count, true);
      const { keys, values } = kvGradients;
      this.#normHeadsBack('kNorm', layer, writes.plainKeys, keys, dims.kvHeads, count);
      const dNormed = run.inputNeedsGradients ? scratch.dNormed : 0;
      this.#projectBack('k', 'kBias', layer, scratch.normed, keys, dNormed, count, normed);
      this.#projectBack('v', 'vBias', layer, scratch.normed, values, dNormed, count, true);
      normed = true;
    }
    if (!normed || !run.inputNeedsGradients) return;
    kernels.normRowsBack(
      tape.input,
      parameters.weights('attentionNorm', layer),
      dims.hiddenSize,
      dims.rmsNormEps,
      scratch.dNormed,
      scratch.dHidden,
      true,
      parameters.gradient('attentionNorm', layer),
      count,
    );
  }

  #writeKv(layer: number, node: KvNode, count: number): void {
    const { dims, kernels, scratch } = this.#tools;
    this.#project('k', 'kBias', layer, scratch.normed, node.keys, count);
    this.#project('v', 'vBias', layer, scratch.normed, node.values, count);
    this.#normHeads('kNorm', layer, node.keys, node.plainKeys, dims.kvHeads, count);
    kernels.rotateRows(node.keys, scratch.rope, dims.kvHeads, dims.headDim, count, false);
    if (node.gradients) {
      const bytes = 4 * count * dims.kvHeads * dims.headDim;
      this.#tools.memory.clear(node.gradients.keys, bytes);
      this.#tools.memory.clear(node.gradients.values, bytes);
    }
  }

  /** `dHidden` becomes the gradients of what lies between attention and MLP. */
  #mlpBack({ layer, tape }: LayerRun, count: number): void {
    const { dims, kernels, parameters, scratch } = this.#tools;
    const bytes = 4 * count * dims.intermediateSize;
    // The product is needed again only for the gradients of the matrix that takes it.
    if (parameters.gradient('down', layer) !== 0) {
      kernels.gateUp(tape.gate, tape.up, scratch.product, bytes);
      this.#norm('mlpNorm', layer, tape.middle, count);
    }
    this.#projectBack(
      'down',
      'downBias',
      layer,
      scratch.product,
      scratch.dHidden,
      scratch.dProduct,
      count,
      false,
    );
    kernels.gateUpBack(tape.gate, tape.up, scratch.dProduct, bytes);
    const { normed, dNormed } = scratch;
    this.#projectBack('gate', 'gateBias', layer, normed, tape.gate, dNormed, count, false);
    this.#projectBack('up', 'upBias', layer, normed, tape.up, dNormed, count, true);
    kernels.normRowsBack(
      tape.middle,
      parameters.weights('mlpNorm', layer),
      dims.hiddenSize,
      dims.rmsNormEps,
      dNormed,
      scratch.dHidden,
      true,
      parameters.gradient('mlpNorm', layer),
      count,
    );
  }

  /**
   * The gradients that come through a run's queries, in `dNormed`.
   *
   * @returns whether there are some; the layer's input is then normed in `normed`
   */
  #attentionBack(run: LayerRun, count: number): boolean {
    const { dims, kernels, parameters, scratch } = this.#tools;
    const { layer, tape } = run;
    const call = this.#attentionOf(run, count);
    if (!call) {
      const dBias = parameters.gradient('oBias', layer);
      if (dBias !== 0) kernels.sumRows(scratch.dHidden, dBias, dims.hiddenSize, count);
      return false;
    }
    this.#projectBack('o', 'oBias', layer, tape.attended, scratch.dHidden, scratch.dAttended, count, false);
    attendBack(call, scratch.dAttended, scratch.dQueries);
    kernels.rotateRows(scratch.dQueries, scratch.rope, dims.heads, dims.headDim, count, true);
    this.#normHeadsBack('qNorm', layer, tape.plainQueries, scratch.dQueries, dims.heads, count);
    this.#norm('attentionNorm', layer, tape.input, count);
    const dNormed = run.inputNeedsGradients ? scratch.dNormed : 0;
    this.#projectBack('q', 'qBias', layer, scratch.normed, scratch.dQueries, dNormed, count, false);
    return true;
  }

  #attentionOf({ reads, mask, tape }: LayerRun, count: number): AttentionCall | null {
    if (!reads) return null;
    const { kernels, products, scratch, dims, room } = this.#tools;
    return { kernels, products, scratch, dims, mask, node: reads, queries: tape.queries, count, room };
  }

  #norm(role: WeightRole, layer: number, x: Address, count: number): void {
    const { dims, kernels, parameters, scratch } = this.#tools;
    const gain = parameters.weights(role, layer);
    kernels.normRows(x, gain, dims.hiddenSize, dims.rmsNormEps, scratch.normed, count);
  }

  /** Norms each head in place, for families that do, and keeps what it was. */
  #normHeads(
    role: WeightRole,
    layer: number,
    x: Address,
    plain: Address,
    heads: number,
    count: number,
  ): void {
    const { dims, kernels, memory, parameters } = this.#tools;
    const gain = parameters.find(role, layer);
    if (gain === 0) return;
    memory.copy(x, plain, 4 * count * heads * dims.headDim);
    kernels.normRows(plain, gain, dims.headDim, dims.rmsNormEps, x, count * heads);
  }

  #normHeadsBack(
    role: WeightRole,
    layer: number,
    plain: Address,
    dx: Address,
    heads: number,
    count: number,
  ): void {
    const { dims, kernels, parameters } = this.#tools;
    const gain = parameters.find(role, layer);
    if (gain === 0) return;
    const dGain = parameters.gradient(role, layer);
    kernels.normRowsBack(plain, gain, dims.headDim, dims.rmsNormEps, dx, dx, false, dGain, count * heads);
  }

  /** y = x·Wᵀ + bias, or y += that. */
  #project(
    role: ProjectionRole,
    bias: WeightRole,
    layer: number,
    x: Address,
    y: Address,
    count: number,
    onto = false,
  ): void {
    const { kernels, parameters, products } = this.#tools;
    const [rows, cols] = this.#shapeOf(role);
    const weights = matrix(parameters.weights(role, layer), rows, cols);
    const [from, to] = [matrix(x, count, cols), matrix(y, count, rows)];
    if (onto) products.add(to, from, turn(weights));
    else products.set(to, from, turn(weights));
    const biasAt = parameters.find(bias, layer);
    if (biasAt !== 0) kernels.addBias(y, biasAt, rows, count);
  }

  /**
   * The gradients of a projection, given those of its result: dx = dy·W (or += that), dW += dyᵀ·x, and those of the bias.
   *
   * @param dx 0 if nobody needs it
   */
  #projectBack(
    role: ProjectionRole,
    bias: WeightRole,
    layer: number,
    x: Address,
    dy: Address,
    dx: Address,
    count: number,
    onto: boolean,
  ): void {
    const { kernels, parameters, products } = this.#tools;
    const [rows, cols] = this.#shapeOf(role);
    const dResult = matrix(dy, count, rows);
    if (dx !== 0) {
      const weights = matrix(parameters.weights(role, layer), rows, cols);
      const dInput = matrix(dx, count, cols);
      if (onto) products.add(dInput, dResult, weights);
      else products.set(dInput, dResult, weights);
    }
    const dWeights = parameters.gradient(role, layer);
    if (dWeights !== 0) products.add(matrix(dWeights, rows, cols), turn(dResult), matrix(x, count, cols));
    const dBias = parameters.gradient(bias, layer);
    if (dBias !== 0) kernels.sumRows(dy, dBias, rows, count);
  }

  #shapeOf(role: ProjectionRole): readonly [rows: number, cols: number] {
    const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = this.#tools.dims;
    switch (role) {
      case 'q':
        return [heads * headDim, hiddenSize];
      case 'k':
      case 'v':
        return [kvHeads * headDim, hiddenSize];
      case 'o':
        return [hiddenSize, heads * headDim];
      case 'gate':
      case 'up':
        return [intermediateSize, hiddenSize];
      case 'down':
        return [hiddenSize, intermediateSize];
    }
  }
}

type ProjectionRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
