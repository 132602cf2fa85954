import { stateBytes, type LessKernels, type Phi } from '../kv/policies/less-kernels.ts';
import type { EvictedState } from '../kv/store-rows.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { GpuContext } from './device.ts';
import { HELD_VERSIONS, type SlotRow } from './held-table.ts';
import type { Bound, Recorder } from './kernel.ts';
import { absorbRow, absorbRows, featuresOfRows, recall, type LessParams } from './kernels/less.ts';
import type { Scope } from './memory.ts';

/** Rows that a dispatch takes in: fewer than workgroups may lie in a row. */
const ROWS_AT_ONCE = 32_768;
const NO_SLOT = 0xffffffff;

/** Rows in memory, as a kernel reads them. */
interface Rows {
  readonly kv: GPUBuffer;
  /** Where those of the text begin. */
  readonly first: number;
}

/**
 * The kernels of LESS and the states of a session. A state has as many versions as the tables of held-table.ts, which
 * take turns with it: the step that feeds position `p` reads version `p % HELD_VERSIONS` and writes the next one.
 */
export class GpuLess {
  readonly #context: GpuContext;
  readonly #trained: LessKernels;
  readonly #dims: ModelDims;
  readonly #params: LessParams;
  readonly #phi: ReadonlyMap<number, GPUBuffer>;
  readonly #psi: ReadonlyMap<number, GPUBuffer>;
  /** f32 `[versions, kvHeads, (rank, (rank, headDim))]`: sums of features, and of values for each feature. */
  readonly #states = new Map<number, GPUBuffer>();
  /** Copies of one version, for the prompt that is being read; empty if nothing is gone yet. */
  readonly #beforePrompt = new Map<number, GPUBuffer>();

  /** @param scope owns the kernels */
  constructor(context: GpuContext, dims: ModelDims, format: KvPrecision, trained: LessKernels, scope: Scope) {
    this.#context = context;
    this.#dims = dims;
    this.#trained = trained;
    const { heads, kvHeads, headDim } = dims;
    const { hidden, rank } = trained;
    const workgroup = context.tuning.attendWorkgroup;
    this.#params = { heads, kvHeads, headDim, hidden, rank, format, workgroup };
    const put = (name: string, layer: number, { w1, w2 }: Phi, w3: Float32Array<ArrayBuffer> | null) => {
      const parts = [w1, w2, ...(w3 ? [w3] : [])];
      const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const buffer = scope.storage(`${name}/layer-${layer}`, bytes);
      let at = 0;
      for (const part of parts) {
        context.device.queue.writeBuffer(buffer, at, part);
        at += part.byteLength;
      }
      return [layer, buffer] as const;
    };
    this.#phi = new Map([...trained.phi].map(([reader, phi]) => put('phi', reader, phi, null)));
    this.#psi = new Map([...trained.psi].map(([owner, psi]) => put('psi', owner, psi, psi.w3)));
  }

  /**
   * Makes the empty state of a store.
   *
   * @returns the bytes that the ledger counts for it; 0 for a store without, because every reader has a window
   */
  addState(owner: number, kvScope: Scope): number {
    if (!this.#psi.has(owner)) return 0;
    const state = kvScope.storage(`state/layer-${owner}`, HELD_VERSIONS * stateBytes(this.#trained, owner));
    this.#states.set(owner, state);
    return state.size;
  }

  /** Copies what the queries of a prompt recall. Its owner must free the scope. */
  startPrompt(textTokens: number, scope: Scope): void {
    const { device } = this.#context;
    const encoder = device.createCommandEncoder({ label: 'states before a prompt' });
    for (const [owner, state] of this.#states) {
      const bytes = stateBytes(this.#trained, owner);
      const before = scope.storage(`state before/layer-${owner}`, bytes);
      encoder.copyBufferToBuffer(state, versionAt(textTokens) * bytes, before, 0, bytes);
      this.#beforePrompt.set(owner, before);
    }
    device.queue.submit([encoder.finish()]);
  }

  /** Forgets the copies, which are freed with their scope. */
  closePrompt(): void {
    this.#beforePrompt.clear();
  }

  /**
   * A reader's recall, onto its attention. Nothing for a reader with a window, which does without.
   *
   * @param states those that each step moves on, or those that the queries of a prompt recall
   */
  recordRecall(
    r: Recorder,
    { index, readsFrom, windowed }: LayerType,
    states: 'session' | 'prompt',
    buffers: {
      readonly q: GPUBuffer;
      readonly attended: GPUBuffer;
      readonly rows: Bound;
      readonly step: GPUBuffer;
    },
    splits: number,
  ): void {
    const state = (states === 'session' ? this.#states : this.#beforePrompt).get(readsFrom);
    const weights = this.#phi.get(index);
    if (windowed || !state || !weights) return;
    const { q, attended, rows, step } = buffers;
    r.add(recall, { ...this.#params, splits }, { weights, q, state, y: attended, rows, step });
  }

  /** Adds the row that a step let go to the state. */
  recordAbsorbRow(
    r: Recorder,
    owner: number,
    { kv }: Pick<Rows, 'kv'>,
    tables: { readonly held: GPUBuffer; readonly rows: Bound; readonly step: GPUBuffer },
  ): void {
    const [weights, state] = [this.#psi.get(owner), this.#states.get(owner)];
    if (!weights || !state) return;
    r.add(absorbRow, { ...this.#params, versions: HELD_VERSIONS }, { weights, kv, state, ...tables });
  }

  /**
   * Adds the rows that the cut after a prompt lets go to the state, which is then that of `after` tokens.
   *
   * @param gone the rows of each KV head, in the order of their positions
   */
  recordAbsorbRows(
    r: Recorder,
    owner: number,
    { kv, first: firstSlot }: Rows,
    gone: readonly (readonly SlotRow[])[],
    text: { readonly before: number; readonly after: number },
    scope: Scope,
  ): void {
    const [weights, state] = [this.#psi.get(owner), this.#states.get(owner)];
    if (!weights || !state) return;
    const { kvHeads, rank } = this.#params;
    const most = Math.max(...gone.map((rows) => rows.length));
    let before = versionAt(text.before);
    const after = versionAt(text.after);
    // Even if no row goes, the state moves on to its next version.
    for (let first = 0; first === 0 || first < most; first += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, most - first);
      const table = Uint32Array.from({ length: count * kvHeads }, (_, i) => {
        const row = gone[i % kvHeads]?.[first + Math.floor(i / kvHeads)];
        return row ? firstSlot + row.slot : NO_SLOT;
      });
      const slots = scope.storage(`gone/layer-${owner}`, table.byteLength);
      this.#context.device.queue.writeBuffer(slots, 0, table);
      const found = scope.storage(`features/layer-${owner}`, 4 * count * kvHeads * rank);
      if (count > 0) r.add(featuresOfRows, { ...this.#params, count }, { weights, kv, slots, found });
      r.add(absorbRows, { ...this.#params, count, before, after }, { found, kv, slots, state });
      before = after;
    }
  }

  /** Where the states of a text of so many tokens lie. */
  parts(textTokens: number): readonly StatePart[] {
    return [...this.#states].map(([owner, buffer]) => {
      const bytes = stateBytes(this.#trained, owner);
      return { owner, buffer, from: versionAt(textTokens) * bytes, bytes };
    });
  }

  /** The state of each KV head, of the words of one of {@link parts}. */
  unpack(words: Uint32Array): readonly EvictedState[] {
    const numbers = new Float32Array(words.buffer, words.byteOffset, words.length);
    const { kvHeads, headDim } = this.#dims;
    const { rank } = this.#trained;
    return Array.from({ length: kvHeads }, (_, head) => {
      const first = head * rank * (headDim + 1);
      return {
        features: numbers.slice(first, first + rank),
        values: numbers.slice(first + rank, first + rank * (headDim + 1)),
      };
    });
  }
}

interface StatePart {
  readonly owner: number;
  readonly buffer: GPUBuffer;
  readonly from: number;
  readonly bytes: number;
}

const versionAt = (textTokens: number): number => textTokens % HELD_VERSIONS;
