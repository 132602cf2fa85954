import type { PlanOptions, TextOptions } from '../backend.ts';
import { keepEverything } from '../kv/policies/keep-everything.ts';
import { mostRowsAtOnce } from '../kv/policies/policies.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners } from '../plan/sharing.ts';
import type { Address, Kernels } from './kernels.ts';
import type { Team } from './threads/team.ts';
import type { LinearMemory } from './linear-memory.ts';
import { scratchBytes, type WorkSizes } from './layer-scratch.ts';
import { WasmLayers } from './layers.ts';
import type { PlanWeights } from './plan-weights.ts';
import { rowsOfLogits } from './rows-of-logits.ts';
import { padded } from '../numbers/panels.ts';

/** The most rows of prompts that go through a matrix together, so that its weights come from the CPU cache. */
export const BLOCK_ROWS = 132;
/** So many rows of short prompts go together: what more of them would gain is not worth the memory, where texts could be. */
const SHORT_ROWS = 48;

export const policyRunOf = ({ eviction }: TextOptions): PolicyRun =>
  new PolicyRun(eviction?.policy ?? keepEverything, eviction?.scored ?? false);

/** Rows of a block of scratch: those of a step go through a matrix together, however many they are. */
const blockRowsOf = (rows: number, turnTokens: number) =>
  Math.max(rows, Math.min(BLOCK_ROWS, Math.max(SHORT_ROWS, turnTokens)));

function workSizes(texts: readonly TextOptions[], { threads }: Team): WorkSizes {
  const seen = (text: TextOptions) =>
    text.eviction ? mostRowsAtOnce(text.eviction, text.capacityTokens) : text.capacityTokens;
  const angles = (text: TextOptions) =>
    text.eviction?.policy.positions === 'cache' ? seen(text) : text.capacityTokens;
  return {
    threads,
    mostRowsSeen: Math.max(...texts.map(seen)),
    angles: Math.max(...texts.map(angles)),
    noisy: texts.some((text) => policyRunOf(text).noisy),
    recalls: texts.some(({ eviction }) => (eviction?.kernels ?? null) !== null),
  };
}

/** What the texts of a session or of a batch share: a plan's weights, scratch, and a hidden state for each text. */
export class SharedByTexts {
  readonly memory: LinearMemory;
  readonly kernels: Kernels;
  readonly dims: ModelDims;
  readonly weights: PlanWeights;
  readonly options: PlanOptions;
  readonly layers: WasmLayers;
  /** Layers that own KV. */
  readonly owners: ReadonlySet<number>;
  readonly hidden: Address; // [rows, hiddenSize]
  readonly logits: Address; // [rows, vocabSize]
  /** The most rows that go through a matrix together. */
  readonly blockRows: number;
  readonly #rows: number;
  readonly #turnTokens: number;
  readonly #sizes: WorkSizes;
  readonly #taken: Address[] = [];
  #takenBytes = 0;

  /**
   * @param texts every text that will share it
   * @param rows  texts that are decoded together
   * @param turnTokens the most tokens of a text that are read at once
   * @throws BackendError `out-of-memory`
   */
  constructor(
    memory: LinearMemory,
    team: Team,
    dims: ModelDims,
    weights: PlanWeights,
    options: PlanOptions,
    texts: readonly TextOptions[],
    rows: number,
    turnTokens: number,
  ) {
    this.memory = memory;
    this.kernels = team.kernels;
    this.dims = dims;
    this.weights = weights;
    this.options = options;
    this.#rows = rows;
    this.#turnTokens = turnTokens;
    this.blockRows = blockRowsOf(rows, turnTokens);
    this.owners = new Set(kvOwners(options.sharing.layers).map(({ layer }) => layer));
    const take = (what: string, bytes: number) => {
      const address = memory.allocate(what, bytes);
      this.#taken.push(address);
      this.#takenBytes += bytes;
      return address;
    };
    this.#sizes = workSizes(texts, team);
    try {
      this.layers = new WasmLayers(memory, team, dims, weights, options, this.blockRows, this.#sizes, take);
      this.hidden = take('hidden', 4 * padded(dims.hiddenSize) * rows);
      this.logits = take('logits', 4 * padded(dims.vocabSize) * rows);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Bytes of all that, with the weights that only this plan needs. */
  get allocatedBytes(): number {
    return this.#takenBytes + this.weights.bytes;
  }

  /** What {@link allocatedBytes} would be with that many rows. */
  bytesFor(rows: number): number {
    const scratch = Object.values(scratchBytes(this.dims, blockRowsOf(rows, this.#turnTokens), this.#sizes));
    const { hiddenSize, vocabSize } = this.dims;
    const ofRows = 4 * (padded(hiddenSize) + padded(vocabSize)) * rows;
    return scratch.reduce((sum, bytes) => sum + bytes, ofRows + this.weights.bytes);
  }

  /** Where the hidden state of a row lies in `hidden`, or in rows like it. */
  rowOf(hidden: Address, row: number): Address {
    return hidden + 4 * padded(this.dims.hiddenSize) * row;
  }

  /** A copy of a hidden state. */
  read(hidden: Address): Float32Array {
    return this.memory.floats(hidden, this.dims.hiddenSize).slice();
  }

  /** Puts the embedding of a token. */
  embed(token: number, into: Address): void {
    this.weights.get('embed').copyRows(token, 1, into);
  }

  /** The logits `[vocabSize]` of a hidden state. Valid until the next call. */
  logitsOfOne(hidden: Float32Array): Float32Array {
    return this.#logits([hidden])[0] ?? new Float32Array();
  }

  /** The logits of several hidden states, in order; each is valid during its call. */
  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    if (hidden.length > this.#rows) {
      rowsOfLogits(this.memory, this.layers, this.dims, this.blockRows, hidden, onRow);
      return;
    }
    for (const [i, logits] of this.#logits(hidden).entries()) onRow(i, logits);
  }

  #logits(hidden: readonly Float32Array[]): Float32Array[] {
    const { hiddenSize, vocabSize, tiedEmbeddings } = this.dims;
    for (const [row, state] of hidden.entries()) {
      this.memory.floats(this.rowOf(this.hidden, row), hiddenSize).set(state);
    }
    const role = tiedEmbeddings ? 'embed' : 'head';
    this.layers.normAndProject(this.hidden, role, this.logits, hidden.length);
    return hidden.map((_, row) => this.memory.floats(this.logits + 4 * padded(vocabSize) * row, vocabSize));
  }

  close(): void {
    for (const address of this.#taken.splice(0)) this.memory.free(address);
    this.#takenBytes = 0;
    this.weights.free();
  }
}
