import { maskOf, type Mask } from '../kv/mask.ts';
import type { Passes } from '../plan/forward-plan.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { Sharing } from '../plan/sharing.ts';
import type { Address } from '../wasm/kernels.ts';
import type { Trained } from './recipe.ts';
import type { Allocate } from './space.ts';

/** Keys and values of one owner: `[tokens, kvHeads · headDim]` each. */
export interface KvNode {
  readonly keys: Address;
  readonly values: Address;
  /** Keys before their norm, for families that norm them; 0 otherwise. */
  readonly plainKeys: Address;
  /** Where the gradients of keys and values add up; null if the pass has none. */
  readonly gradients: { readonly keys: Address; readonly values: Address } | null;
}

/** What one run of a layer leaves for its gradients. */
export interface Tape {
  readonly input: Address; //    [tokens, hiddenSize]
  readonly queries: Address; //  [tokens, heads · headDim], rotated
  /** Queries before their norm, for families that norm them; 0 otherwise. */
  readonly plainQueries: Address;
  readonly attended: Address; // [tokens, heads · headDim]
  readonly middle: Address; //   [tokens, hiddenSize], between attention and MLP
  readonly gate: Address; //     [tokens, intermediateSize]
  readonly up: Address; //       the same
}

/** One run of a layer, in one pass. */
export interface LayerRun {
  readonly layer: number;
  readonly mask: Mask;
  readonly tape: Tape;
  /** What it writes, if it owns keys and values. */
  readonly writes: KvNode | null;
  /** What it attends to; null if it sees nothing but zeros, or if only its keys and values are needed. */
  readonly reads: KvNode | null;
  /** Whether anybody reads its hidden state. */
  readonly finishes: boolean;
  readonly needsGradients: boolean;
  /** Whether what comes before it has gradients. */
  readonly inputNeedsGradients: boolean;
}

/** One walk over the layers of a group. */
export interface Walk {
  readonly runs: readonly LayerRun[];
  /** Every pass of an iterated group starts from the hidden states that entered the group. */
  readonly iterated: { readonly first: boolean; readonly last: boolean; readonly firstBack: boolean } | null;
  readonly needsGradients: boolean;
}

/** What a training computes for a sequence, in order. */
export type Program = readonly Walk[];

/** Room for tapes and for keys and values, which the programs of a training share. */
export class Tapes {
  readonly #dims: ModelDims;
  readonly #tokens: number;
  readonly #allocate: Allocate;
  readonly #tapes: Tape[] = [];
  readonly #nodes: KvNode[] = [];
  readonly #plainNodes = new Map<number, KvNode>();
  #shared: Tape | null = null;

  constructor(dims: ModelDims, tokens: number, allocate: Allocate) {
    this.#dims = dims;
    this.#tokens = tokens;
    this.#allocate = allocate;
  }

  /** The tape with this number. */
  tape(index: number): Tape {
    return (this.#tapes[index] ??= this.#newTape());
  }

  /** The one for runs that have no gradients. */
  get sharedTape(): Tape {
    return (this.#shared ??= this.#newTape());
  }

  /** The keys and values with this number, with gradients. */
  node(index: number): KvNode {
    return (this.#nodes[index] ??= this.#newNode(true));
  }

  /** An owner's, in passes without gradients. */
  plainNode(owner: number): KvNode {
    const node = this.#plainNodes.get(owner) ?? this.#newNode(false);
    this.#plainNodes.set(owner, node);
    return node;
  }

  #newTape(): Tape {
    const { hiddenSize, intermediateSize, heads, headDim, qkNorm } = this.#dims;
    return {
      input: this.#rows(hiddenSize),
      queries: this.#rows(heads * headDim),
      plainQueries: qkNorm ? this.#rows(heads * headDim) : 0,
      attended: this.#rows(heads * headDim),
      middle: this.#rows(hiddenSize),
      gate: this.#rows(intermediateSize),
      up: this.#rows(intermediateSize),
    };
  }

  #newNode(withGradients: boolean): KvNode {
    const { kvHeads, headDim, qkNorm } = this.#dims;
    const rows = () => this.#rows(kvHeads * headDim);
    return {
      keys: rows(),
      values: rows(),
      plainKeys: qkNorm ? rows() : 0,
      gradients: withGradients ? { keys: rows(), values: rows() } : null,
    };
  }

  #rows(cols: number): Address {
    return this.#allocate('activations', 4 * this.#tokens * cols);
  }
}

/**
 * The walks of one sequence. Work that nobody reads is left out, as in a prefill, and so are the gradients of layers
 * below the lowest weight that is trained.
 *
 * @param trained null to compute no gradients at all
 */
export function writeProgram(
  sharing: Sharing,
  passes: Passes,
  trained: Trained | null,
  tapes: Tapes,
): Program {
  const schedule = prefillSchedule(sharing, passes, { firstTurn: true, everyRow: true });
  const held = new Map<number, KvNode>();
  const count = { tapes: 0, nodes: 0 };
  let hiddenNeeds = trained === 'all';
  let entered = hiddenNeeds;

  const writeRun = (step: PrefillPass['steps'][number], withGradients: boolean): LayerRun => {
    const type = layerOf(sharing.layers, step.layer);
    const finishes = step.work !== 'kv';
    const inputNeedsGradients = withGradients && hiddenNeeds;
    const writes = !step.ownsKv
      ? null
      : withGradients
        ? tapes.node(count.nodes++)
        : tapes.plainNode(step.layer);
    if (writes) held.set(step.layer, writes);
    // An owner above has the keys and values of the pass before.
    const reads = !finishes || step.seesOnlyZeros ? null : (held.get(type.readsFrom) ?? null);
    const needsGradients =
      withGradients && (trained === 'all' || hiddenNeeds || hasGradients(writes) || hasGradients(reads));
    if (finishes) hiddenNeeds = needsGradients;
    return {
      layer: step.layer,
      mask: maskOf(sharing, type),
      tape: needsGradients ? tapes.tape(count.tapes++) : tapes.sharedTape,
      ...{ writes, reads, finishes, needsGradients, inputNeedsGradients },
    };
  };

  return schedule.map(({ group, pass, passes: all, steps }): Walk => {
    if (pass === 0) entered = hiddenNeeds;
    hiddenNeeds = entered;
    const withGradients = trained !== null && (!group.iterated || pass >= passes.forward);
    const runs = steps.map((step) => writeRun(step, withGradients));
    const iterated = group.iterated
      ? { first: pass === 0, last: pass === all - 1, firstBack: pass === passes.forward }
      : null;
    return { runs, iterated, needsGradients: runs.some(({ needsGradients }) => needsGradients) };
  });
}

const hasGradients = (node: KvNode | null) => node !== null && node.gradients !== null;

function layerOf(layers: readonly LayerType[], index: number): LayerType {
  const layer = layers[index];
  if (!layer) throw new RangeError(`layer ${index} of ${layers.length}`);
  return layer;
}
