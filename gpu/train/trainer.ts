import type { Passes } from '../plan/forward-plan.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Sharing } from '../plan/sharing.ts';
import { weightSpecs, type WeightSpec } from '../plan/weight-specs.ts';
import { LinearMemory } from '../wasm/linear-memory.ts';
import { Gradients } from './gradients.ts';
import { startTrainKernels } from './kernels.ts';
import { Products } from './matrix.ts';
import { convertTensors, Parameters, type FindTensor } from './parameters.ts';
import { Tapes, writeProgram, type Program } from './program.ts';
import { programsOf } from './program-kinds.ts';
import { passesAt, rateAt, type Recipe } from './recipe.ts';
import { allocateScratch, type Space } from './space.ts';

/** AdamW as the paper of LCKV uses it, without decay: a healing is far too short for it to matter. */
const BETA_1 = 0.9;
const BETA_2 = 0.95;
const EPS = 1e-8;
/** Longer gradients are shortened to this. */
const LONGEST_GRADIENT = 1;

/** A step whose loss or gradients are not finite. The weights are those from before it. */
export class Diverged extends Error {
  readonly step: number;

  constructor(step: number) {
    super(`step ${step + 1} has no finite loss or gradient`);
    this.name = 'Diverged';
    this.step = step;
  }
}

export interface StepFigures {
  /** Mean over the step's tokens, before the step changed the weights. */
  readonly natsPerToken: number;
  /** The length of the gradient before it was shortened. */
  readonly gradientNorm: number;
}

/** All that a training needs to continue, as copies. */
export interface TrainingState {
  readonly step: number;
  readonly weights: Float32Array<ArrayBuffer>;
  readonly means: Float32Array<ArrayBuffer>;
  readonly squares: Float32Array<ArrayBuffer>;
}

export interface TrainerOptions {
  /** From `compileTrainKernels`. */
  readonly kernels: WebAssembly.Module;
  readonly dims: ModelDims;
  /** The plan under which the weights were stored. */
  readonly stored: readonly LayerType[];
  /** The plan to heal. */
  readonly sharing: Sharing;
  /** The passes of the model, which evaluations compute with. */
  readonly passes: Passes;
  readonly recipe: Recipe;
  readonly find: FindTensor;
}

/** Trains a model under another plan. Everything lies in one WebAssembly memory. */
export class Trainer {
  readonly #options: TrainerOptions;
  readonly #space: Space;
  readonly #parameters: Parameters;
  readonly #tapes: Tapes;
  readonly #gradients: Gradients;
  readonly #programs = new Map<string, Program>();
  #step = 0;
  /** Nats of the sequences that were added since the last step. */
  #nats = 0;

  constructor(options: TrainerOptions) {
    this.#options = options;
    const { dims, sharing, recipe } = options;
    const room = recipe.tokensPerSequence;
    const memory = new LinearMemory();
    const allocate = (purpose: string, bytes: number) => memory.allocate(`healing/${purpose}`, bytes);
    const kernels = startTrainKernels(options.kernels, memory.memory);
    this.#space = { memory, kernels };
    this.#parameters = new Parameters(dims, sharing.layers, recipe.trained, allocate);
    const scratch = allocateScratch(dims, room, allocate);
    this.#tapes = new Tapes(dims, room, allocate);
    const products = new Products(kernels, scratch.packed);
    this.#gradients = new Gradients({
      ...{ memory, kernels, dims, parameters: this.#parameters, products, scratch, room },
    });
    for (const program of programsOf(options)) this.#program(program.passes, program.trained);
    this.#fill(convertTensors(options.stored, sharing.layers, options.find));
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  get allocatedBytes(): number {
    return this.#space.memory.allocatedBytes;
  }

  /** Numbers that the training changes. */
  get trainedWeights(): number {
    return this.#parameters.tensors
      .filter(({ gradients }) => gradients !== 0)
      .reduce((sum, { spec }) => sum + spec.rows * spec.cols, 0);
  }

  /** Adds the gradients of one sequence of a step. Its last token is only predicted. */
  add(sequence: Uint32Array): void {
    const { recipe } = this.#options;
    const tokens = recipe.sequencesPerStep * recipe.tokensPerSequence;
    const program = this.#program(passesAt(recipe, this.#step), true);
    this.#nats += this.#gradients.lossOf(program, sequence, 1 / tokens);
  }

  /**
   * Changes the weights by the gradients that were added.
   *
   * @throws Diverged if they are not finite; the weights stay as they are
   */
  update(): StepFigures {
    const { recipe } = this.#options;
    const { kernels } = this.#space;
    const { trained, gradients, means, squares, trainedCount } = this.#parameters;
    const natsPerToken = this.#nats / (recipe.sequencesPerStep * recipe.tokensPerSequence);
    const gradientNorm = Math.sqrt(kernels.sumOfSquares(gradients, trainedCount));
    if (!Number.isFinite(natsPerToken) || !Number.isFinite(gradientNorm)) {
      this.forget();
      throw new Diverged(this.#step);
    }
    const t = this.#step + 1;
    kernels.adamW(
      trained,
      gradients,
      means,
      squares,
      trainedCount,
      Math.min(1, LONGEST_GRADIENT / (gradientNorm + 1e-6)),
      BETA_1,
      BETA_2,
      rateAt(recipe, this.#step) / (1 - BETA_1 ** t),
      1 / Math.sqrt(1 - BETA_2 ** t),
      EPS,
      1,
    );
    this.forget();
    this.#step = t;
    return { natsPerToken, gradientNorm };
  }

  /** Drops the sequences that were added since the last step. */
  forget(): void {
    const { gradients, trainedCount } = this.#parameters;
    this.#space.memory.clear(gradients, 4 * trainedCount);
    this.#nats = 0;
  }

  /** Nats of a sequence under the weights as they are now, with the model's own passes. */
  evaluate(sequence: Uint32Array): number {
    return this.#gradients.lossOf(this.#program(this.#options.passes, false), sequence, 0);
  }

  /** The likeliest next token after a text under the weights as they are now; null if its logits are not finite. */
  likeliestAfter(tokens: Uint32Array): number | null {
    return this.#gradients.likeliestAfter(this.#program(this.#options.passes, false), tokens);
  }

  /** The gradients of the sequences that were added, as copies: for tests. */
  gradientsOf(spec: WeightSpec): Float32Array | null {
    const address = this.#parameters.gradient(spec.role, spec.layer);
    return address === 0 ? null : this.#space.memory.floats(address, spec.rows * spec.cols).slice();
  }

  /** A tensor as it is now, as a copy. */
  tensor(spec: WeightSpec): Float32Array<ArrayBuffer> {
    const address = this.#parameters.weights(spec.role, spec.layer);
    return this.#space.memory.floats(address, spec.rows * spec.cols).slice();
  }

  /** The tensors of the plan. */
  get specs(): readonly WeightSpec[] {
    return weightSpecs(this.#options.dims, this.#options.sharing.layers);
  }

  save(): TrainingState {
    const { trained, means, squares, trainedCount } = this.#parameters;
    const copy = (address: number) => this.#space.memory.floats(address, trainedCount).slice();
    return { step: this.#step, weights: copy(trained), means: copy(means), squares: copy(squares) };
  }

  /** @throws RangeError if the state is that of another training */
  restore(state: TrainingState): void {
    const { trained, means, squares, trainedCount } = this.#parameters;
    for (const part of [state.weights, state.means, state.squares]) {
      if (part.length !== trainedCount) throw new RangeError(`${part.length} numbers, not ${trainedCount}`);
    }
    const { memory } = this.#space;
    memory.floats(trained, trainedCount).set(state.weights);
    memory.floats(means, trainedCount).set(state.means);
    memory.floats(squares, trainedCount).set(state.squares);
    this.forget();
    this.#step = state.step;
  }

  #fill(find: FindTensor): void {
    for (const { spec, weights } of this.#parameters.tensors) {
      const tensor = find(spec.role, spec.layer);
      if (!tensor) throw new Error(`${spec.name} is missing`);
      this.#space.memory.floats(weights, spec.rows * spec.cols).set(tensor);
    }
  }

  #program(passes: Passes, withGradients: boolean): Program {
    const { sharing, recipe } = this.#options;
    const key = `${passes.forward} ${passes.backward} ${withGradients}`;
    const trained = withGradients ? recipe.trained : null;
    const program = this.#programs.get(key) ?? writeProgram(sharing, passes, trained, this.#tapes);
    this.#programs.set(key, program);
    return program;
  }
}
