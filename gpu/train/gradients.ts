import { allFinite } from '../numbers/finite.ts';
import { argmax } from '../numbers/argmax.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ropeTable } from '../plan/rope.ts';
import { Layers, type LayerTools } from './layer.ts';
import { matrix, turn, type Matrix } from './matrix.ts';
import type { Program, Walk } from './program.ts';
import { BLOCK_ROWS } from './space.ts';

/** Computes losses of sequences, and their gradients. */
export class Gradients {
  readonly #tools: LayerTools;
  readonly #layers: Layers;

  constructor(tools: LayerTools) {
    this.#tools = tools;
    this.#layers = new Layers(tools);
    const { dims, memory, scratch, room } = tools;
    memory.floats(scratch.rope, room * dims.headDim).set(ropeTable(dims.rope, dims.headDim, room));
  }

  /**
   * Σ −ln p(next token) over a sequence, in nats.
   *
   * @param sequence tokens to read, and one more to predict after the last
   * @param factor   adds the gradients of `factor` times that sum to those of the weights; 0 for none
   */
  lossOf(program: Program, sequence: Uint32Array, factor: number): number {
    const { dims, memory, scratch } = this.#tools;
    const count = this.#read(program, sequence.subarray(0, -1));
    new Uint32Array(memory.memory.buffer, scratch.targets, count).set(sequence.subarray(1));
    const loss = this.#head(count, factor);
    if (factor === 0 || !Number.isFinite(loss)) return loss;
    for (const walk of program.toReversed()) {
      if (walk.needsGradients) this.#walkBack(walk, count);
    }
    this.#embedBack(sequence.subarray(0, count), dims);
    return loss;
  }

  /** The likeliest next token after a text; of equals the lowest. Null if the logits are not finite. */
  likeliestAfter(program: Program, tokens: Uint32Array): number | null {
    const { dims, kernels, memory, parameters, products, scratch } = this.#tools;
    const { hiddenSize, vocabSize, rmsNormEps } = dims;
    const count = this.#read(program, tokens);
    const last = scratch.hidden + 4 * (count - 1) * hiddenSize;
    kernels.normRows(last, parameters.weights('finalNorm'), hiddenSize, rmsNormEps, scratch.normed, 1);
    const normed = matrix(scratch.normed, 1, hiddenSize);
    products.set(matrix(scratch.logits, 1, vocabSize), normed, turn(this.#headWeights()));
    const logits = memory.floats(scratch.logits, vocabSize);
    return allFinite(logits) ? argmax(logits) : null;
  }

  /** Computes the hidden states of a text. @returns how many tokens it has */
  #read(program: Program, tokens: Uint32Array): number {
    const { room } = this.#tools;
    const count = tokens.length;
    if (count < 1 || count > room) throw new RangeError(`${count} tokens, room for ${room}`);
    this.#embed(tokens);
    for (const walk of program) this.#walk(walk, count);
    return count;
  }

  #headWeights(): Matrix {
    const { dims, parameters } = this.#tools;
    const address = parameters.weights(dims.tiedEmbeddings ? 'embed' : 'head');
    return matrix(address, dims.vocabSize, dims.hiddenSize);
  }

  #embed(tokens: Uint32Array): void {
    const { dims, memory, parameters, scratch } = this.#tools;
    const rowBytes = 4 * dims.hiddenSize;
    const table = parameters.weights('embed');
    for (const [row, token] of tokens.entries()) {
      memory.copy(table + token * rowBytes, scratch.hidden + row * rowBytes, rowBytes);
    }
  }

  #embedBack(tokens: Uint32Array, { hiddenSize }: ModelDims): void {
    const { memory, parameters, scratch } = this.#tools;
    const table = parameters.gradient('embed');
    if (table === 0) return;
    for (const [row, token] of tokens.entries()) {
      const into = memory.floats(table + 4 * token * hiddenSize, hiddenSize);
      const from = memory.floats(scratch.dHidden + 4 * row * hiddenSize, hiddenSize);
      for (let i = 0; i < hiddenSize; i++) into[i] = (into[i] ?? 0) + (from[i] ?? 0);
    }
  }

  #walk({ runs, iterated }: Walk, count: number): void {
    const { dims, memory, scratch } = this.#tools;
    const bytes = 4 * count * dims.hiddenSize;
    if (iterated?.first) memory.copy(scratch.hidden, scratch.entering, bytes);
    else if (iterated) memory.copy(scratch.entering, scratch.hidden, bytes);
    for (const run of runs) this.#layers.forward(run, count);
  }

  #walkBack({ runs, iterated }: Walk, count: number): void {
    const { dims, kernels, memory, scratch } = this.#tools;
    for (const run of runs.toReversed()) if (run.needsGradients) this.#layers.backward(run, count);
    if (!iterated) return;
    // What entered the group entered each of its passes.
    const bytes = 4 * count * dims.hiddenSize;
    if (iterated.last) memory.copy(scratch.dHidden, scratch.dEntering, bytes);
    else kernels.addTo(scratch.dEntering, scratch.dHidden, bytes);
    if (iterated.firstBack) memory.copy(scratch.dEntering, scratch.dHidden, bytes);
  }

  /** The loss; with a factor also `dHidden`, and the gradients of the head. */
  #head(count: number, factor: number): number {
    const { dims, kernels, memory, parameters, products, scratch } = this.#tools;
    const { hiddenSize, vocabSize, rmsNormEps } = dims;
    const weights = this.#headWeights();
    const dWeights = parameters.gradient(dims.tiedEmbeddings ? 'embed' : 'head');
    const gain = parameters.weights('finalNorm');
    kernels.normRows(scratch.hidden, gain, hiddenSize, rmsNormEps, scratch.normed, count);
    let loss = 0;
    for (let first = 0; first < count; first += BLOCK_ROWS) {
      const rows = Math.min(BLOCK_ROWS, count - first);
      const offset = 4 * first * hiddenSize;
      const normed = matrix(scratch.normed + offset, rows, hiddenSize);
      const logits = matrix(scratch.logits, rows, vocabSize);
      products.set(logits, normed, turn(weights));
      loss += kernels.crossEntropy(
        logits.address,
        vocabSize,
        scratch.targets + 4 * first,
        rows,
        factor,
        scratch.sums,
      );
      for (const sum of new Float64Array(memory.memory.buffer, scratch.sums, rows)) loss += Math.log(sum);
      if (factor === 0) continue;
      products.set(matrix(scratch.dNormed + offset, rows, hiddenSize), logits, weights);
      if (dWeights !== 0) products.add(matrix(dWeights, vocabSize, hiddenSize), turn(logits), normed);
    }
    if (factor !== 0) {
      const dGain = parameters.gradient('finalNorm');
      kernels.normRowsBack(
        scratch.hidden,
        gain,
        hiddenSize,
        rmsNormEps,
        scratch.dNormed,
        scratch.dHidden,
        false,
        dGain,
        count,
      );
    }
    return loss;
  }
}
