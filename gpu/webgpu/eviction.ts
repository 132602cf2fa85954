import { newEvictingCache, type EvictingCache } from '../kv/evicting-cache.ts';
import type { EvictingCaches, EvictingFacts } from '../kv/stores.ts';
import { mostRowsAtOnce } from '../kv/policies/policies.ts';
import { MAX_STEPS_IN_FLIGHT, type KvPrecision } from '../kv/usage.ts';
import { rowsThatStayByHead } from '../kv/policies/cut.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import type { PolicyOptions } from '../kv/policies/policy.ts';
import type { EvictedState, StoreRows } from '../kv/store-rows.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { GpuContext } from './device.ts';
import * as recorders from './evicting-layer.ts';
import {
  HELD_VERSIONS,
  HELD_WORDS,
  packHeld,
  unpackHeld,
  type MarkedRow,
  type SlotRow,
} from './held-table.ts';
import type { Recording } from './kernel.ts';
import { gatherRows } from './kernels/held-rows.ts';
import { GpuLess } from './less.ts';
import { allocateEviction, type EvictingBuffers, type EvictionMemory } from './eviction-memory.ts';
import type { Scope } from './memory.ts';
import { packPolicy, POLICY_BYTES } from './pack-policy.ts';
import type { RowAt } from './row-tables.ts';

/** One store under a policy. Its buffers may also hold the stores of other texts: they begin a stride apart. */
export interface EvictingStore extends EvictingBuffers {
  readonly owner: number;
  readonly slots: number;
  /** Through which every reader sees it; Infinity if one sees all. */
  readonly windowTokens: number;
  readonly inOrder: false;
}

/** Memory for a store's rows while prompts are read: those of several texts behind one another. */
export interface PromptMemory {
  readonly kv: GPUBuffer;
  readonly held: GPUBuffer; //  Held [slots, kvHeads]
  readonly added: GPUBuffer; // f32 [slots, kvHeads], the scores
}

/** A store's rows while a prompt is read: those held, in order, and behind them those of the prompt. */
export interface PromptStore extends PromptMemory {
  /** Where its slots begin in the memory. */
  readonly first: number;
  readonly slots: number;
  /** Room for the rows held before. A KV head that holds fewer leaves the first slots free. */
  readonly before: number;
}

/** How a store's rows are read and written, and a name that it shares with stores like it. */
interface RowsOfStore {
  readonly name: string;
  readonly read: RowAt;
  readonly write: RowAt;
}

/**
 * What only a session under a policy has: the policy at work, and its stores' memory. Its code is loaded for such a
 * session alone, so everything else knows just its type.
 */
export class Eviction {
  /** What a decoder records in place of its own attention. */
  readonly record = recorders;
  readonly run: PolicyRun;
  /** Null without LESS. */
  readonly less: GpuLess | null;
  readonly stores: ReadonlyMap<number, EvictingStore>;
  readonly #stores = new Map<number, EvictingStore>();
  readonly #policyOptions: PolicyOptions;
  readonly #caches = new Map<number, EvictingCache>();
  readonly #memory: EvictionMemory;
  readonly #place: number;
  readonly #context: GpuContext;
  readonly #dims: ModelDims;
  readonly #headBytes: number;
  /** The stores of the prompt that is being read. */
  #prompt: ReadonlyMap<number, PromptStore> | null = null;

  /**
   * The policy of a text that has its memory for itself.
   *
   * @param scope owns what is no KV
   */
  static alone(
    context: GpuContext,
    dims: ModelDims,
    kvPrecision: KvPrecision,
    policyOptions: PolicyOptions,
    scope: Scope,
    kvScope: Scope,
  ): Eviction {
    const { noisy } = new PolicyRun(policyOptions.policy, policyOptions.scored);
    const { kernels } = policyOptions;
    const memory = allocateEviction(context, { dims, kvPrecision, noisy, rows: 1, kernels }, scope, kvScope);
    return new Eviction(context, dims, kvPrecision, policyOptions, memory, 0);
  }

  /** @param place which of the texts it is that have the memory in common */
  constructor(
    context: GpuContext,
    dims: ModelDims,
    kvPrecision: KvPrecision,
    policyOptions: PolicyOptions,
    memory: EvictionMemory,
    place: number,
  ) {
    this.#context = context;
    this.#dims = dims;
    this.#policyOptions = policyOptions;
    const { policy, scored } = policyOptions;
    this.#memory = memory;
    this.#place = place;
    this.#headBytes = dims.headDim * (kvPrecision === 'f16' ? 2 : 4);
    this.stores = this.#stores;
    this.run = new PolicyRun(policy, scored);
    this.less = memory.less && new GpuLess(context, memory.less, place);
  }

  get policies(): GPUBuffer {
    return this.#memory.policies;
  }

  get noise(): GPUBuffer {
    return this.#memory.noise;
  }

  get stats(): GPUBuffer {
    return this.#memory.stats;
  }

  /**
   * Makes an empty store.
   *
   * @returns the bytes that the ledger counts for it
   */
  #addStore({ owner, windowTokens }: EvictingFacts, slots: number): number {
    const { buffers, bytes } = this.#memory.storeOf(owner, slots);
    const store = { owner, slots, windowTokens, inOrder: false as const, ...buffers };
    this.#stores.set(owner, store);
    this.#writeHeld(store, 0, []);
    return bytes + (this.less?.addState(owner) ?? 0);
  }

  /** Angles that the table of a session needs. */
  anglesFor(capacityTokens: number): number {
    return this.ranked ? mostRowsAtOnce(this.#policyOptions, capacityTokens) : capacityTokens;
  }

  /** The caches of the session's stores, which this makes and whose memory it takes. */
  readonly caches: EvictingCaches = {
    make: (facts) => {
      const cache = newEvictingCache(facts, this.#policyOptions, MAX_STEPS_IN_FLIGHT, (slots) =>
        this.#addStore(facts, slots),
      );
      this.#caches.set(facts.owner, cache);
      return cache;
    },
  };

  /** Whether ranks rotate keys and queries, instead of positions. */
  get ranked(): boolean {
    return this.run.policy.positions === 'cache';
  }

  /** 32-bit words of a head as the cache keeps it. */
  get headWords(): number {
    return this.#headBytes / 4;
  }

  /**
   * The row of a position that is fed while decoding.
   *
   * @param unturned the angle that turns nothing: that of a key that is cached unrotated
   */
  rowsOf(owner: number, unturned: number): RowsOfStore {
    const cache = this.#caches.get(owner);
    if (!cache) throw new Error(`layer ${owner} owns no KV`);
    const { slots } = cache.slots;
    const rowAt = (position: number, row: number, rope: number) => {
      const firstSlot = (position % HELD_VERSIONS) * slots;
      // The row is computed in a place of its own, where the rows of a step follow each other.
      return { sequence: this.#place, position, rope, slot: row, firstSlot, endSlot: firstSlot + slots };
    };
    return {
      // Stores of the same size and window share a table.
      name: `${slots}/${cache.keepsTokens}`,
      read: (position, row) => rowAt(position, row, this.ranked ? cache.heldBelow(position) : position),
      write: (position, row) => rowAt(position, row, this.ranked ? unturned : position),
    };
  }

  /** The row of a prompt's position. */
  promptRowsOf(
    { first, before }: Pick<PromptStore, 'first' | 'before'>,
    start: number,
    unturned: number,
  ): { readonly read: RowAt; readonly write: RowAt } {
    const rowAt = (position: number, rope: number) => {
      const slot = first + before + position - start;
      return { sequence: this.#place, position, rope, slot, firstSlot: first, endSlot: slot + 1 };
    };
    return {
      read: (position) => rowAt(position, this.ranked ? before + position - start : position),
      write: (position) => rowAt(position, this.ranked ? unturned : position),
    };
  }

  /** A prompt is about to be read: the text will have so many tokens. */
  startPrompt(textTokens: number): void {
    this.run.promptStarts();
    this.#writePolicy(textTokens);
  }

  /**
   * Marks the rows of a prompt behind those held.
   *
   * @param placed where they lie, by owner
   */
  openPrompt(placed: ReadonlyMap<number, PromptStore>, start: number, tokens: number): void {
    const { kvHeads } = this.#dims;
    // Nothing is gone before the first prompt.
    if (start > 0) this.less?.startPrompt(start);
    for (const { held, first, slots } of placed.values()) {
      const fresh = Array.from({ length: tokens }, (_, i) => ({ position: start + i, score: 0 }));
      const table = packHeld(
        slots,
        slots,
        Array.from({ length: kvHeads }, () => fresh),
        false,
      );
      this.#context.device.queue.writeBuffer(held, 4 * HELD_WORDS * first * kvHeads, table);
    }
    this.#prompt = placed;
  }

  /** Copies the rows held to the first slots of a prompt's stores, in order. */
  async gatherHeld(textTokens: number, scope: Scope): Promise<void> {
    if (textTokens === 0) return;
    const { kvHeads } = this.#dims;
    const encoder = this.#context.device.createCommandEncoder({ label: 'gather' });
    const recorder = this.#context.kernels.record(scope);
    const keepsScores = !this.run.newestOnly;
    for (const [owner, store] of this.stores) {
      const prompt = this.#prompt?.get(owner);
      if (!prompt || prompt.before === 0) continue;
      const { from, bytes } = this.#tableOf(store, textTokens);
      const table = scope.storage(`held before/layer-${owner}`, bytes);
      encoder.copyBufferToBuffer(store.held, from, table, 0, bytes);
      const params = {
        kvHeads,
        headWords: this.headWords,
        slots: store.slots,
        keepsScores,
        end: prompt.before,
        sourceFirst: this.#place * store.stride,
        sinkFirst: prompt.first,
        movedFirst: prompt.first,
      };
      recorder.add(gatherRows, params, {
        source: store.kv,
        sink: prompt.kv,
        held: table,
        moved: prompt.held,
        scores: prompt.added,
      });
    }
    this.#submit(encoder, await recorder.finish());
  }

  /** Cuts after a prompt that was read to its end: moves the rows that stay into the stores. */
  async endPrompt(startTokens: number, textTokens: number, scope: Scope): Promise<void> {
    const { kvHeads } = this.#dims;
    this.run.promptEnded(textTokens);
    this.#writePolicy(textTokens);
    const { budget, jointHeads } = this.run;
    const recorder = this.#context.kernels.record(scope);
    const read = await this.#readRows(textTokens);
    for (const [owner, store] of this.stores) {
      const prompt = this.#prompt?.get(owner);
      const rows = read.get(owner);
      if (!prompt || !rows) continue;
      const options = { budget, textTokens, windowTokens: store.windowTokens };
      const stays = rowsThatStayByHead(rows, options, jointHeads);
      const kept = rows.map((head, kvHead) => head.filter((_, i) => stays[kvHead]?.[i]));
      if (this.less) {
        const gone = rows.map((head, kvHead) => head.filter((_, i) => !stays[kvHead]?.[i]));
        const text = { before: startTokens, after: textTokens };
        this.less.recordAbsorbRows(recorder, owner, prompt, gone, text, scope);
      }
      this.#writeHeld(store, textTokens, kept);
      const moves = packMoves(prompt.slots, kept);
      const held = scope.storage(`moves/layer-${owner}`, moves.byteLength);
      this.#context.device.queue.writeBuffer(held, 0, moves);
      const params = {
        kvHeads,
        headWords: this.headWords,
        slots: prompt.slots,
        keepsScores: true,
        end: mostOf(kept),
        sourceFirst: prompt.first,
        sinkFirst: this.#place * store.stride,
        movedFirst: 0,
      };
      recorder.add(gatherRows, params, {
        source: prompt.kv,
        sink: store.kv,
        held,
        moved: scope.storage('moved, unused', 16 * store.slots * kvHeads),
        scores: scope.storage('scores, unused', 4 * store.slots * kvHeads),
      });
    }
    const encoder = this.#context.device.createCommandEncoder({ label: 'keep' });
    this.#submit(encoder, await recorder.finish());
  }

  #submit(encoder: GPUCommandEncoder, recording: Recording): void {
    const pass = encoder.beginComputePass();
    recording.replay(pass);
    pass.end();
    this.#context.device.queue.submit([encoder.finish()]);
  }

  /** Forgets a prompt's stores, which are freed with their scope. */
  closePrompt(): void {
    this.#prompt = null;
    this.less?.closePrompt();
  }

  /** What the stores hold now. */
  async rowsHeld(textTokens: number): Promise<readonly StoreRows[]> {
    const states = await this.#readStates(textTokens);
    return [...(await this.#readRows(textTokens))].map(([owner, rows]) => ({
      owner,
      heads: rows.map((head, kvHead) => ({
        positions: head.map(({ position }) => position),
        scores: head.map(({ score }) => score),
        state: states.get(owner)?.[kvHead] ?? null,
      })),
    }));
  }

  async #readStates(textTokens: number): Promise<ReadonlyMap<number, readonly EvictedState[]>> {
    const { less } = this;
    if (!less) return new Map();
    const parts = less.parts(textTokens);
    const words = await this.#read(parts);
    return new Map(parts.map(({ owner }, i) => [owner, less.unpack(words[i] ?? new Uint32Array())]));
  }

  /** The rows of every store, or while a prompt is read those of its store, by owner. One read-back for all of them. */
  async #readRows(textTokens: number): Promise<ReadonlyMap<number, readonly (readonly SlotRow[])[]>> {
    const { kvHeads } = this.#dims;
    const parts = [...this.stores].flatMap(([owner, store]): Part[] => {
      const prompt = this.#prompt?.get(owner);
      if (prompt)
        return [partOf(prompt, 'held', 4 * HELD_WORDS * kvHeads), partOf(prompt, 'added', 4 * kvHeads)];
      return [this.#tableOf(store, textTokens)];
    });
    const words = await this.#read(parts);
    let next = 0;
    const take = () => words[next++] ?? new Uint32Array();
    return new Map(
      [...this.stores.keys()].map((owner) => {
        const rows = unpackHeld(take(), kvHeads);
        if (!this.#prompt) return [owner, rows];
        const scores = new Float32Array(take().buffer);
        const scored = rows.map((head, kvHead) =>
          head.map((row) => ({ ...row, score: scores[row.slot * kvHeads + kvHead] ?? 0 })),
        );
        return [owner, scored];
      }),
    );
  }

  /** The words of parts of buffers. */
  async #read(parts: readonly Part[]): Promise<readonly Uint32Array[]> {
    const scope = this.#context.ledger.scope('read-back');
    try {
      const staging = scope.staging(
        'rows held',
        parts.reduce((sum, { bytes }) => sum + bytes, 0),
      );
      const encoder = this.#context.device.createCommandEncoder({ label: 'rows held' });
      let end = 0;
      const places = parts.map(({ buffer, from, bytes }) => {
        encoder.copyBufferToBuffer(buffer, from, staging, end, bytes);
        end += bytes;
        return { from: end - bytes, to: end };
      });
      this.#context.device.queue.submit([encoder.finish()]);
      await this.#context.wait(staging.mapAsync(GPUMapMode.READ));
      const mapped = staging.getMappedRange();
      return places.map(({ from, to }) => new Uint32Array(mapped.slice(from, to)));
    } finally {
      scope.free();
    }
  }

  /** Writes the table of a text of so many tokens: rows in order, in the first slots. */
  #writeHeld(store: EvictingStore, textTokens: number, kept: readonly (readonly MarkedRow[])[]): void {
    const { kvHeads } = this.#dims;
    const { queue } = this.#context.device;
    const heads = Array.from({ length: kvHeads }, (_, head) => kept[head] ?? []);
    const version = textTokens % HELD_VERSIONS;
    const end = mostOf(heads);
    queue.writeBuffer(
      store.held,
      this.#tableOf(store, textTokens).from,
      packHeld(store.slots, end, heads, true),
    );
    const nexts = new Uint32Array(kvHeads).fill(end);
    queue.writeBuffer(store.next, (this.#place * HELD_VERSIONS + version) * nexts.byteLength, nexts);
  }

  /** Where the table of a text of so many tokens lies. */
  #tableOf({ held, slots, stride }: EvictingStore, textTokens: number): Part {
    const slotBytes = 4 * HELD_WORDS * this.#dims.kvHeads;
    const first = this.#place * HELD_VERSIONS * stride + (textTokens % HELD_VERSIONS) * slots;
    return { buffer: held, from: first * slotBytes, bytes: slots * slotBytes };
  }

  #writePolicy(promptTokens: number): void {
    const { policy, budget } = this.run;
    const words = packPolicy(policy, budget, promptTokens);
    this.#context.device.queue.writeBuffer(this.policies, this.#place * POLICY_BYTES, words);
  }
}

/** A part of a buffer. */
interface Part {
  readonly buffer: GPUBuffer;
  readonly from: number;
  readonly bytes: number;
}

/** What one text has of a memory for prompts. */
const partOf = (
  { first, slots, ...memory }: PromptStore,
  what: 'held' | 'added',
  slotBytes: number,
): Part => ({ buffer: memory[what], from: first * slotBytes, bytes: slots * slotBytes });

const mostOf = (heads: readonly (readonly unknown[])[]): number =>
  Math.max(...heads.map(({ length }) => length));

/** A table of a prompt's rows that says how many kept ones are newer than each, and leaves out the others. */
function packMoves(slots: number, kept: readonly (readonly SlotRow[])[]): Uint32Array<ArrayBuffer> {
  const words = packHeld(
    slots,
    slots,
    kept.map(() => []),
    false,
  );
  for (const [head, rows] of kept.entries()) {
    for (const [i, { slot, position }] of rows.entries()) {
      const at = (slot * kept.length + head) * HELD_WORDS;
      words[at] = position;
      words[at + 2] = rows.length - i;
    }
  }
  return words;
}
