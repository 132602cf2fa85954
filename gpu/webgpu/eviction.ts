import type { SessionOptions } from '../backend.ts';
import { newEvictingCache, type EvictingCache } from '../kv/evicting-cache.ts';
import type { EvictingCaches } from '../kv/stores.ts';
import { mostRowsAtOnce } from '../kv/policies/policies.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import { rowsThatStay } from '../kv/policies/cut.ts';
import { gumbelTable } from '../kv/policies/noise.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import type { PolicyOptions } from '../kv/policies/policy.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import { kvWindow } from '../kv/stores.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { GpuContext } from './device.ts';
import * as recorders from './evicting-layer.ts';
import { HELD_VERSIONS, HELD_WORDS, packHeld, unpackHeld } from './held-table.ts';
import { gatherRows } from './kernels/held-rows.ts';
import type { Scope } from './memory.ts';
import { packPolicy, POLICY_BYTES } from './pack-policy.ts';
import type { RowAt } from './row-tables.ts';

/** The memory of one store under a policy. */
export interface EvictingStore {
  readonly owner: number;
  readonly slots: number;
  /** Through which every reader sees it; Infinity if one sees all. */
  readonly windowTokens: number;
  readonly row: GPUBuffer; //   the row that is being decoded, before it has a slot
  readonly kv: GPUBuffer; //    [slots, (keys, values), kvHeads, headDim]
  readonly held: GPUBuffer; //  Held [versions, slots, kvHeads] of held.wgsl
  readonly added: GPUBuffer; // f32 [slots, kvHeads], what the step at hand adds to the scores
  readonly next: GPUBuffer; //  u32 [versions, kvHeads], where the next row goes
}

/** A store's rows while a prompt is read: those held, by rank, and behind them those of the prompt. */
export interface PromptStore {
  readonly slots: number;
  /** Rows held before. */
  readonly before: number;
  readonly kv: GPUBuffer;
  readonly held: GPUBuffer; //  Held [slots, kvHeads]
  readonly added: GPUBuffer; // f32 [slots, kvHeads], the scores
}

/** How a store's rows are read and written, and a name that it shares with stores like it. */
interface RowsOfStore {
  readonly name: string;
  readonly read: RowAt;
  readonly write: RowAt;
}

/**
 * What a session under a policy has besides: the policy at work, and its stores' memory. Loaded only for a session under
 * a policy, so all others know its type alone.
 */
export class Eviction {
  /** What a decoder records in place of its own attention. */
  readonly record = recorders;
  readonly run: PolicyRun;
  readonly stores: ReadonlyMap<number, EvictingStore>;
  readonly #stores = new Map<number, EvictingStore>();
  readonly #options: SessionOptions;
  readonly #policyOptions: PolicyOptions;
  readonly #caches = new Map<number, EvictingCache>();
  readonly #scope: Scope;
  readonly #kvScope: Scope;
  readonly policy: GPUBuffer; // Policy of policy.wgsl
  readonly noise: GPUBuffer; //  f32 [4096] for Keyformer
  readonly stats: GPUBuffer; //  (max, sum, 0, 0) [heads] for Keyformer
  readonly #context: GpuContext;
  readonly #dims: ModelDims;
  readonly #headBytes: number;
  /** The stores of the prompt that is being read. */
  #prompt: ReadonlyMap<number, PromptStore> | null = null;

  /** @param scope owns what is no KV */
  constructor(
    context: GpuContext,
    dims: ModelDims,
    options: SessionOptions,
    policyOptions: PolicyOptions,
    scope: Scope,
    kvScope: Scope,
  ) {
    this.#context = context;
    this.#dims = dims;
    this.#options = options;
    this.#policyOptions = policyOptions;
    const { policy, scored } = policyOptions;
    this.#scope = scope;
    this.#kvScope = kvScope;
    this.#headBytes = dims.headDim * (options.kvPrecision === 'f16' ? 2 : 4);
    this.stores = this.#stores;
    this.run = new PolicyRun(policy, scored);
    this.policy = scope.uniform('policy', POLICY_BYTES);
    const noisy = this.run.scoring?.from === 'attention' && this.run.scoring.noisy;
    this.noise = scope.storage('noise', noisy ? gumbelTable.byteLength : 4);
    if (noisy) context.device.queue.writeBuffer(this.noise, 0, gumbelTable);
    this.stats = scope.storage('noisy stats', noisy ? 16 * dims.heads : 16);
  }

  /**
   * Makes an empty store.
   *
   * @returns the bytes that the ledger counts for it
   */
  addStore(owner: number, slots: number): number {
    const { sharing, kvPrecision } = this.#options;
    const { kvHeads } = this.#dims;
    const rowBytes = kvRowBytes(this.#dims, kvPrecision);
    const rows = slots * kvHeads;
    const kept = {
      kv: this.#kvScope.storage(`layer-${owner}`, slots * rowBytes),
      held: this.#kvScope.storage(`held/layer-${owner}`, 4 * HELD_WORDS * rows * HELD_VERSIONS),
      added: this.#kvScope.storage(`scores/layer-${owner}`, 4 * rows),
      next: this.#kvScope.storage(`next/layer-${owner}`, 4 * HELD_VERSIONS * kvHeads),
    };
    const store = {
      owner,
      slots,
      windowTokens: kvWindow(sharing, owner),
      row: this.#scope.storage(`row/layer-${owner}`, rowBytes),
      ...kept,
    };
    this.#stores.set(owner, store);
    this.#writeHeld(store, 0, []);
    return Object.values(kept).reduce((sum, { size }) => sum + size, 0);
  }

  /** Angles that the table of a session needs. */
  anglesFor(capacityTokens: number): number {
    return this.ranked ? mostRowsAtOnce(this.#policyOptions, capacityTokens) : capacityTokens;
  }

  /** The caches of the session's stores, which this makes and whose memory it takes. */
  readonly caches: EvictingCaches = {
    make: (facts) => {
      const cache = newEvictingCache(facts, this.#policyOptions, MAX_STEPS_IN_FLIGHT, (slots) =>
        this.addStore(facts.owner, slots),
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
    const rowAt = (position: number, rope: number) => {
      const firstSlot = (position % HELD_VERSIONS) * slots;
      // The row is computed in a place of its own, the slot 0 of it.
      return { sequence: 0, position, rope, slot: 0, firstSlot, endSlot: firstSlot + slots };
    };
    return {
      // Stores of the same size and window share a table.
      name: `${slots}/${cache.keepsTokens}`,
      read: (position) => rowAt(position, this.ranked ? cache.heldBelow(position) : position),
      write: (position) => rowAt(position, this.ranked ? unturned : position),
    };
  }

  /** The row of a prompt's position. */
  promptRowsOf(
    before: number,
    start: number,
    unturned: number,
  ): { readonly read: RowAt; readonly write: RowAt } {
    const rowAt = (position: number, rope: number) => {
      const slot = before + position - start;
      return { sequence: 0, position, rope, slot, firstSlot: 0, endSlot: slot + 1 };
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

  /** Room for a prompt's rows behind those held. Its owner must free the scope. */
  openPrompt(
    heldOf: (owner: number) => number,
    start: number,
    tokens: number,
    scope: Scope,
  ): ReadonlyMap<number, PromptStore> {
    const { kvHeads } = this.#dims;
    const prompt = new Map(
      [...this.stores.keys()].map((owner): [number, PromptStore] => {
        const before = heldOf(owner);
        const slots = before + tokens;
        const fresh = Array.from({ length: slots }, (_, i) => ({ position: start + i - before, score: 0 }));
        const table = packHeld(
          slots,
          Array.from({ length: kvHeads }, () => fresh),
          false,
        );
        const held = scope.storage(`held/layer-${owner}`, table.byteLength);
        this.#context.device.queue.writeBuffer(held, 0, table);
        return [
          owner,
          {
            slots,
            before,
            kv: scope.storage(`kv/layer-${owner}`, slots * kvHeads * 2 * this.#headBytes),
            held,
            added: scope.storage(`scores/layer-${owner}`, 4 * slots * kvHeads),
          },
        ];
      }),
    );
    this.#prompt = prompt;
    return prompt;
  }

  /** Copies the rows held to the first slots of a prompt's stores, by rank. */
  async gatherHeld(textTokens: number, scope: Scope): Promise<void> {
    const { context, kvHeads } = { context: this.#context, kvHeads: this.#dims.kvHeads };
    if (textTokens === 0) return;
    const encoder = context.device.createCommandEncoder({ label: 'gather' });
    const recorder = context.kernels.record(scope);
    const { scoring } = this.run;
    const keepsScores = scoring?.from !== 'attention' || scoring.accumulates;
    for (const [owner, store] of this.stores) {
      const prompt = this.#prompt?.get(owner);
      if (!prompt || prompt.before === 0) continue;
      const bytes = store.held.size / HELD_VERSIONS;
      const table = scope.storage(`held before/layer-${owner}`, bytes);
      encoder.copyBufferToBuffer(store.held, (textTokens % HELD_VERSIONS) * bytes, table, 0, bytes);
      const params = { kvHeads, headWords: this.headWords, slots: store.slots, keepsScores };
      recorder.add(gatherRows, params, {
        source: store.kv,
        sink: prompt.kv,
        held: table,
        ranked: prompt.held,
        scores: prompt.added,
      });
    }
    const recording = await recorder.finish();
    const pass = encoder.beginComputePass();
    recording.replay(pass);
    pass.end();
    context.device.queue.submit([encoder.finish()]);
  }

  /** Cuts after a prompt that was read to its end: moves the rows that stay into the stores. */
  async endPrompt(textTokens: number, scope: Scope): Promise<void> {
    const { kvHeads } = this.#dims;
    this.run.promptEnded(textTokens);
    this.#writePolicy(textTokens);
    const { budget, scoring } = this.run;
    const joint = scoring?.from === 'attention' && scoring.jointHeads;
    const recorder = this.#context.kernels.record(scope);
    for (const [owner, store] of this.stores) {
      const prompt = this.#prompt?.get(owner);
      if (!prompt) continue;
      const rows = await this.#readPrompt(prompt);
      const sums = (rows[0] ?? []).map(({ position }, i) => ({
        position,
        score: rows.reduce((sum, head) => sum + (head[i]?.score ?? 0), 0),
      }));
      const options = { budget, textTokens, windowTokens: store.windowTokens };
      const kept = rows.map((head) => {
        const stays = rowsThatStay(joint ? sums : head, options);
        return head.filter((_, i) => stays[i]);
      });
      this.#writeHeld(store, textTokens, kept);
      // Where each row of the prompt goes: to its rank among those kept.
      const moves = packMoves(prompt.slots, kept);
      const held = scope.storage(`moves/layer-${owner}`, moves.byteLength);
      this.#context.device.queue.writeBuffer(held, 0, moves);
      const params = { kvHeads, headWords: this.headWords, slots: prompt.slots, keepsScores: true };
      recorder.add(gatherRows, params, {
        source: prompt.kv,
        sink: store.kv,
        held,
        ranked: scope.storage('ranks, unused', 16 * store.slots * kvHeads),
        scores: scope.storage('scores, unused', 4 * store.slots * kvHeads),
      });
    }
    const recording = await recorder.finish();
    const encoder = this.#context.device.createCommandEncoder({ label: 'keep' });
    const pass = encoder.beginComputePass();
    recording.replay(pass);
    pass.end();
    this.#context.device.queue.submit([encoder.finish()]);
  }

  /** Forgets a prompt's stores, which are freed with their scope. */
  closePrompt(): void {
    this.#prompt = null;
  }

  /** What the stores hold now. */
  async rowsHeld(textTokens: number): Promise<readonly StoreRows[]> {
    const stores: StoreRows[] = [];
    for (const [owner, store] of this.stores) {
      const prompt = this.#prompt?.get(owner);
      const rows = prompt ? await this.#readPrompt(prompt) : await this.#readStore(store, textTokens);
      const heads = rows.map((head) => ({
        positions: head.map(({ position }) => position),
        scores: head.map(({ score }) => score),
      }));
      stores.push({ owner, heads });
    }
    return stores;
  }

  async #readStore(store: EvictingStore, textTokens: number) {
    const bytes = store.held.size / HELD_VERSIONS;
    const words = await this.#read(store.held, (textTokens % HELD_VERSIONS) * bytes, bytes);
    return unpackHeld(words, this.#dims.kvHeads);
  }

  async #readPrompt({ held, added }: PromptStore) {
    const { kvHeads } = this.#dims;
    const rows = unpackHeld(await this.#read(held, 0, held.size), kvHeads);
    const scores = new Float32Array((await this.#read(added, 0, added.size)).buffer);
    return rows.map((head, kvHead) =>
      head.map((row) => ({ ...row, score: scores[row.slot * kvHeads + kvHead] ?? 0 })),
    );
  }

  async #read(buffer: GPUBuffer, from: number, bytes: number): Promise<Uint32Array> {
    const scope = this.#context.ledger.scope('read-back');
    try {
      const staging = scope.staging('rows held', bytes);
      const encoder = this.#context.device.createCommandEncoder({ label: 'rows held' });
      encoder.copyBufferToBuffer(buffer, from, staging, 0, bytes);
      this.#context.device.queue.submit([encoder.finish()]);
      await this.#context.wait(staging.mapAsync(GPUMapMode.READ));
      return new Uint32Array(staging.getMappedRange(0, bytes).slice(0));
    } finally {
      scope.free();
    }
  }

  /** Writes the table of a text of so many tokens: rows by rank, in the first slots. */
  #writeHeld(
    { slots, held, next }: EvictingStore,
    textTokens: number,
    kept: readonly (readonly { readonly position: number; readonly score: number }[])[],
  ): void {
    const { kvHeads } = this.#dims;
    const { queue } = this.#context.device;
    const heads = Array.from({ length: kvHeads }, (_, head) => kept[head] ?? []);
    const version = textTokens % HELD_VERSIONS;
    const table = packHeld(slots, heads, true);
    queue.writeBuffer(held, version * table.byteLength, table);
    const nexts = Uint32Array.from(heads, (rows) => rows.length);
    queue.writeBuffer(next, version * nexts.byteLength, nexts);
  }

  #writePolicy(promptTokens: number): void {
    const { policy, budget } = this.run;
    this.#context.device.queue.writeBuffer(this.policy, 0, packPolicy(policy, budget, promptTokens));
  }
}

/** A table that gives each kept row its new rank, and leaves out the others. */
function packMoves(
  slots: number,
  kept: readonly (readonly { readonly slot: number; readonly position: number; readonly score: number }[])[],
): Uint32Array<ArrayBuffer> {
  const words = packHeld(
    slots,
    kept.map(() => []),
    false,
  );
  for (const [head, rows] of kept.entries()) {
    for (const [rank, { slot, position }] of rows.entries()) {
      const at = (slot * kept.length + head) * HELD_WORDS;
      words[at] = position;
      words[at + 2] = rank;
    }
  }
  return words;
}
