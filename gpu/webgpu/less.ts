import { stateBytes } from '../kv/policies/less-kernels.ts';
import type { EvictedState } from '../kv/store-rows.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { GpuContext } from './device.ts';
import { HELD_VERSIONS, type SlotRow } from './held-table.ts';
import type { Bound, Recorder } from './kernel.ts';
import { absorbRow, absorbRows, featuresOfRows, recall } from './kernels/less.ts';
import type { LessMemory } from './less-memory.ts';
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
 * LESS at work on a text. A state has as many versions as the tables of held-table.ts, which take turns with it: the step
 * that feeds position `p` reads version `p % HELD_VERSIONS` and writes the next one.
 */
export class GpuLess {
  readonly #context: GpuContext;
  readonly #memory: LessMemory;
  /** Which of the texts it is that have the memory in common. */
  readonly #place: number;
  /** Whether something may be gone that the prompt at hand recalls. */
  #recalls = false;

  constructor(context: GpuContext, memory: LessMemory, place: number) {
    this.#context = context;
    this.#memory = memory;
    this.#place = place;
  }

  /**
   * Empties the state of a store.
   *
   * @returns the bytes that the ledger counts for it; 0 for a store without, because every reader has a window
   */
  addState(owner: number): number {
    const { trained, states } = this.#memory;
    const state = states.get(owner);
    if (!state) return 0;
    const bytes = stateBytes(trained, owner);
    this.#context.device.queue.writeBuffer(state, this.#versionAt(0) * bytes, new Uint8Array(bytes));
    return HELD_VERSIONS * bytes;
  }

  /** Copies what the queries of a prompt recall. */
  startPrompt(textTokens: number): void {
    const { trained, states, beforePrompt } = this.#memory;
    const { device } = this.#context;
    const encoder = device.createCommandEncoder({ label: 'states before a prompt' });
    for (const [owner, state] of states) {
      const before = beforePrompt.get(owner);
      if (!before) continue;
      const bytes = stateBytes(trained, owner);
      const from = this.#versionAt(textTokens) * bytes;
      encoder.copyBufferToBuffer(state, from, before, this.#place * bytes, bytes);
    }
    device.queue.submit([encoder.finish()]);
    this.#recalls = true;
  }

  closePrompt(): void {
    this.#recalls = false;
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
    const { params, phi, beforePrompt } = this.#memory;
    const ofPrompt = states === 'prompt';
    const state = (ofPrompt ? beforePrompt : this.#memory.states).get(readsFrom);
    const weights = phi.get(index);
    if (windowed || !state || !weights || (ofPrompt && !this.#recalls)) return;
    const { q, attended, rows, step } = buffers;
    const versions = ofPrompt ? 1 : HELD_VERSIONS;
    r.add(recall, { ...params, splits, versions }, { weights, q, state, y: attended, rows, step });
  }

  /** Whether a store has a state. */
  hasState(owner: number): boolean {
    return this.#memory.states.has(owner);
  }

  /** Adds the row that a step let go to the state. */
  recordAbsorbRow(
    r: Recorder,
    owner: number,
    { kv, stride }: { readonly kv: GPUBuffer; readonly stride: number },
    tables: { readonly held: GPUBuffer; readonly rows: Bound; readonly step: GPUBuffer },
  ): void {
    const { params, psi, states } = this.#memory;
    const [weights, state] = [psi.get(owner), states.get(owner)];
    if (!weights || !state) return;
    const layout = { versions: HELD_VERSIONS, stride };
    r.add(absorbRow, { ...params, ...layout }, { weights, kv, state, ...tables });
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
    const { params, psi, states } = this.#memory;
    const [weights, state] = [psi.get(owner), states.get(owner)];
    if (!weights || !state) return;
    const { kvHeads, rank } = params;
    const most = Math.max(...gone.map((rows) => rows.length));
    let before = this.#versionAt(text.before);
    const after = this.#versionAt(text.after);
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
      if (count > 0) r.add(featuresOfRows, { ...params, count }, { weights, kv, slots, found });
      r.add(absorbRows, { ...params, count, before, after }, { found, kv, slots, state });
      before = after;
    }
  }

  /** Where the states of a text of so many tokens lie. */
  parts(textTokens: number): readonly StatePart[] {
    const { trained, states } = this.#memory;
    return [...states].map(([owner, buffer]) => {
      const bytes = stateBytes(trained, owner);
      return { owner, buffer, from: this.#versionAt(textTokens) * bytes, bytes };
    });
  }

  /** The state of each KV head, of the words of one of {@link parts}. */
  unpack(words: Uint32Array): readonly EvictedState[] {
    const numbers = new Float32Array(words.buffer, words.byteOffset, words.length);
    const { kvHeads, headDim, rank } = this.#memory.params;
    return Array.from({ length: kvHeads }, (_, head) => {
      const first = head * rank * (headDim + 1);
      return {
        features: numbers.slice(first, first + rank),
        values: numbers.slice(first + rank, first + rank * (headDim + 1)),
      };
    });
  }

  /** Which of all versions of all texts is that of a text of so many tokens. */
  #versionAt(textTokens: number): number {
    return this.#place * HELD_VERSIONS + (textTokens % HELD_VERSIONS);
  }
}

interface StatePart {
  readonly owner: number;
  readonly buffer: GPUBuffer;
  readonly from: number;
  readonly bytes: number;
}
