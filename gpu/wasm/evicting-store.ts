import { rowsThatStayByHead, victimOf } from '../kv/policies/cut.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import type { Address, Kernels } from './kernels.ts';
import type { WasmState } from './less.ts';
import type { LinearMemory } from './linear-memory.ts';

export interface EvictingShape {
  readonly kvHeads: number;
  readonly headDim: number;
  readonly half: boolean;
}

/** The memory of so many slots. */
interface Block {
  readonly slots: number;
  readonly rows: Address; //      [slots, (keys, values), kvHeads, headDim]
  readonly positions: Address; // i32 [kvHeads, slots]; -1 in a free slot
  readonly scores: Address; //    f32 [kvHeads, slots]
  readonly ranks: Address; //     i32 [kvHeads, slots], up to the newest row's, which all heads share; 0 without ranks
  readonly turned: Address; //    f32 [slots, kvHeads, headDim], keys rotated by their ranks; 0 without ranks
}

/**
 * The rows of one owner under a policy. Between prompts they lie in a block of the budget's size, and a new row goes
 * where the row lay that the last cut evicted. A prompt's rows lie behind those held, in a block that lives as long as
 * the prompt.
 */
export class EvictingStore {
  readonly owner: number;
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #shape: EvictingShape;
  readonly #run: PolicyRun;
  readonly #windowTokens: number;
  readonly #rope: Address;
  readonly #widened: Address;
  readonly #kept: Block;
  /** What LESS keeps of the rows that are gone; null without it. */
  readonly #state: WasmState | null;
  #prompt: Block | null = null;
  /** Rows of each KV head, without those of a prompt. A window may pass rows that only one of the heads has kept. */
  readonly #heldByHead: Int32Array<ArrayBuffer>;
  /** The most of them. */
  #held = 0;
  /** Slots of the lasting block that may be in use. */
  #count = 0;
  /** Where each KV head's next row goes, while no prompt is read. */
  readonly #next: Int32Array;
  #turnedIsStale = true;

  /**
   * @param sizes.slots        rows that a step sees
   * @param sizes.windowTokens Infinity if some reader sees the whole text
   * @param state              null without LESS
   * @param rope               table of angles; 0 if positions decide them
   * @param take               allocates what lives as long as the session
   */
  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    shape: EvictingShape,
    run: PolicyRun,
    sizes: { readonly owner: number; readonly slots: number; readonly windowTokens: number },
    state: WasmState | null,
    scratch: { readonly rope: Address; readonly widened: Address },
    take: (what: string, bytes: number) => Address,
  ) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#shape = shape;
    this.#run = run;
    this.owner = sizes.owner;
    this.#windowTokens = sizes.windowTokens;
    this.#state = state;
    this.#rope = scratch.rope;
    this.#widened = scratch.widened;
    this.#kept = this.#newBlock(sizes.slots, take);
    this.#next = new Int32Array(shape.kvHeads);
    this.#heldByHead = new Int32Array(shape.kvHeads);
  }

  /** The most rows that a KV head holds, without those of a prompt. */
  get held(): number {
    return this.#held;
  }

  /** Slots from 0 on that may be in use, those of a turn included. */
  get count(): number {
    return this.#countIn(this.#block);
  }

  get #block(): Block {
    return this.#prompt ?? this.#kept;
  }

  get rowBytes(): number {
    const { kvHeads, headDim, half } = this.#shape;
    return 2 * kvHeads * headDim * (half ? 2 : 4);
  }

  get strideBytes(): number {
    return 4 * this.#block.slots;
  }

  get positionsAt(): Address {
    return this.#block.positions;
  }

  get scoresAt(): Address {
    return this.#block.scores;
  }

  rowsFrom(slot: number): Address {
    return this.#block.rows + slot * this.rowBytes;
  }

  /** Keys from a slot on, rotated for attention, and how they are stored. */
  keysFrom(slot: number): { readonly address: Address; readonly half: boolean; readonly rowBytes: number } {
    const { kvHeads, headDim, half } = this.#shape;
    if (this.#block.turned === 0) return { address: this.rowsFrom(slot), half, rowBytes: this.rowBytes };
    if (this.#turnedIsStale) this.#turn();
    const rowBytes = 4 * kvHeads * headDim;
    return { address: this.#block.turned + slot * rowBytes, half: false, rowBytes };
  }

  /** Makes room for the rows of a prompt: zeros, behind those held. */
  startPrompt(start: number, tokens: number): void {
    const block = this.#newBlock(this.#held + tokens, (what, bytes) =>
      this.#memory.allocate(`prefill/${what}`, bytes),
    );
    this.#gather(this.#kept, block, this.#inOrder(this.#kept), this.#held);
    for (let head = 0; head < this.#shape.kvHeads; head++) {
      const positions = this.#ints(block.positions, block, head);
      for (let i = 0; i < tokens; i++) positions[this.#held + i] = start + i;
    }
    this.#prompt = block;
    this.#ranksAreSlots();
  }

  /** Forgets a prompt that was not read to its end. */
  dropPrompt(): void {
    if (!this.#prompt) return;
    this.#free(this.#prompt);
    this.#prompt = null;
  }

  /** Keeps what the policy keeps of the rows held and of the prompt's, and frees the prompt's memory. */
  endPrompt(textTokens: number): void {
    const block = this.#prompt;
    if (!block) return;
    const rows = this.#inOrder(block);
    const options = { budget: this.#run.budget, textTokens, windowTokens: this.#windowTokens };
    const scored = rows.map((slots, head) => {
      const positions = this.#ints(block.positions, block, head);
      const scores = this.#floats(block.scores, block, head);
      return slots.map((slot) => ({ position: positions[slot] ?? 0, score: scores[slot] ?? 0 }));
    });
    const stays = rowsThatStayByHead(scored, options, this.#run.jointHeads);
    const kept = rows.map((slots, head) => slots.filter((_, i) => stays[head]?.[i]));
    for (const [head, slots] of rows.entries()) {
      for (const slot of slots.filter((_, i) => !stays[head]?.[i])) this.#absorb(block, head, slot);
    }
    this.#heldByHead.set(kept.map(({ length }) => length));
    this.#held = Math.max(...this.#heldByHead);
    this.#gather(block, this.#kept, kept, this.#held);
    this.#free(block);
    this.#prompt = null;
    this.#count = this.#held;
    this.#next.fill(this.#held);
    this.#ranksAreSlots();
  }

  /** The slots of a prompt's row, or of the row that is being decoded, by KV head. */
  slotsFor(position: number, promptStart: number): readonly number[] {
    return Array.from(this.#next, (slot) => (this.#prompt ? this.#held + position - promptStart : slot));
  }

  /** Notes that the row of a position was written where {@link slotsFor} says. */
  written(position: number): void {
    this.#turnedIsStale = true;
    if (this.#prompt) return;
    const block = this.#kept;
    for (const [head, slot] of this.#next.entries()) {
      this.#ints(block.positions, block, head)[slot] = position;
      if (block.ranks !== 0) this.#ints(block.ranks, block, head)[slot] = this.#held;
      this.#heldByHead[head] = (this.#heldByHead[head] ?? 0) + 1;
      this.#count = Math.max(this.#count, slot + 1);
    }
    this.#held++;
  }

  /** Cuts after a token was fed. The slot of a row that goes is the next row's. */
  cut(textTokens: number): void {
    const block = this.#kept;
    const options = { budget: this.#run.budget, textTokens, windowTokens: this.#windowTokens };
    const scoresOf = (head: number) => this.#floats(block.scores, block, head);
    const heads = [...this.#next.keys()];
    const sums = this.#run.jointHeads ? scoresOf(0).slice() : null;
    if (sums) {
      for (const head of heads.slice(1)) {
        scoresOf(head).forEach((score, i) => (sums[i] = (sums[i] ?? 0) + score));
      }
    }
    const goneByHead = heads.map((head) => {
      const positions = this.#ints(block.positions, block, head);
      const slots = { positions, scores: sums ?? scoresOf(head), count: this.#count };
      const gone: number[] = [];
      for (let slot = victimOf(slots, options); slot >= 0; slot = victimOf(slots, options)) {
        this.#absorb(block, head, slot);
        gone.push(slot);
        positions[slot] = -1;
        scoresOf(head)[slot] = 0;
      }
      const left = (this.#heldByHead[head] ?? 0) - gone.length;
      this.#heldByHead[head] = left;
      this.#next[head] = gone[0] ?? (left < this.#count ? positions.indexOf(-1) : this.#count);
      return gone;
    });
    const held = Math.max(...this.#heldByHead);
    if (block.ranks !== 0) {
      for (const [head, gone] of goneByHead.entries()) {
        this.#moveRanks(this.#ints(block.ranks, block, head), gone, this.#held - held);
      }
    }
    this.#held = held;
  }

  /** Scores of a policy whose newest query decides alone begin at zero. */
  clearScores(): void {
    const { scores, slots } = this.#block;
    this.#memory.clear(scores, 4 * this.#shape.kvHeads * slots);
  }

  /** Sets the score that the key of a row gives it. */
  scoreKeys(
    position: number,
    promptStart: number,
    scoreOf: (key: Float32Array) => number,
    keys: Float32Array,
  ): void {
    const { headDim } = this.#shape;
    for (const [head, slot] of this.slotsFor(position, promptStart).entries()) {
      const key = keys.subarray(head * headDim, (head + 1) * headDim);
      this.#floats(this.#block.scores, this.#block, head)[slot] = scoreOf(key);
    }
  }

  report(): StoreRows {
    const block = this.#block;
    const heads = this.#inOrder(block).map((slots, head) => ({
      positions: slots.map((slot) => this.#ints(block.positions, block, head)[slot] ?? 0),
      scores: slots.map((slot) => this.#floats(block.scores, block, head)[slot] ?? 0),
      state: this.#state?.report(head) ?? null,
    }));
    return { owner: this.owner, heads };
  }

  /** Adds a row that goes to the state. */
  #absorb({ rows }: Block, head: number, slot: number): void {
    const { kvHeads, headDim, half } = this.#shape;
    const headBytes = headDim * (half ? 2 : 4);
    const key = rows + slot * this.rowBytes + head * headBytes;
    this.#state?.absorb(head, key, key + kvHeads * headBytes);
  }

  /** Slots of a block that may be in use: all of a prompt's. */
  #countIn(block: Block): number {
    return block === this.#kept ? this.#count : block.slots;
  }

  /** Slots in use, by KV head, in the order of their positions. */
  #inOrder(block: Block): readonly (readonly number[])[] {
    return Array.from({ length: this.#shape.kvHeads }, (_, head) => {
      const positions = this.#ints(block.positions, block, head);
      const slots = Array.from({ length: this.#countIn(block) }, (_, slot) => slot);
      return slots
        .filter((slot) => (positions[slot] ?? -1) >= 0)
        .sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
    });
  }

  /** Copies rows of one block to the slots of another one that end at `end`, and empties all others. */
  #gather(from: Block, to: Block, slotsByHead: readonly (readonly number[])[], end: number): void {
    const { headDim, half, kvHeads } = this.#shape;
    const headBytes = headDim * (half ? 2 : 4);
    for (const [head, slots] of slotsByHead.entries()) {
      const positions = this.#ints(to.positions, to, head).fill(-1);
      const scores = this.#floats(to.scores, to, head).fill(0);
      for (const [i, slot] of slots.entries()) {
        const target = end - slots.length + i;
        positions[target] = this.#ints(from.positions, from, head)[slot] ?? 0;
        scores[target] = this.#floats(from.scores, from, head)[slot] ?? 0;
        for (const part of [0, 1]) {
          const at = (part * kvHeads + head) * headBytes;
          this.#memory.copy(
            from.rows + slot * this.rowBytes + at,
            to.rows + target * this.rowBytes + at,
            headBytes,
          );
        }
      }
    }
  }

  #ranksAreSlots(): void {
    const block = this.#block;
    this.#turnedIsStale = true;
    if (block.ranks === 0) return;
    for (let head = 0; head < this.#shape.kvHeads; head++) {
      const ranks = this.#ints(block.ranks, block, head);
      for (let slot = 0; slot < ranks.length; slot++) ranks[slot] = slot;
    }
  }

  /**
   * Closes the gaps that evicted rows leave: rows above them move down.
   *
   * @param down by how much the newest row's rank falls, which is the same for all KV heads
   */
  #moveRanks(ranks: Int32Array, goneSlots: readonly number[], down: number): void {
    const gone = goneSlots.map((slot) => ranks[slot] ?? 0);
    for (let slot = 0; slot < this.#count; slot++) {
      const rank = ranks[slot] ?? 0;
      ranks[slot] = rank - down + gone.filter((evicted) => evicted > rank).length;
    }
    this.#turnedIsStale = true;
  }

  #turn(): void {
    const { kvHeads, headDim, half } = this.#shape;
    const { rows, ranks, turned, slots } = this.#block;
    this.#kernels.turnKeys(
      half,
      rows,
      this.count,
      kvHeads,
      headDim,
      ranks,
      4 * slots,
      this.#rope,
      turned,
      this.#widened,
    );
    this.#turnedIsStale = false;
  }

  #newBlock(slots: number, take: (what: string, bytes: number) => Address): Block {
    const { kvHeads, headDim } = this.#shape;
    const name = `kv/layer-${this.owner}`;
    const turns = this.#rope !== 0;
    const block = {
      slots,
      rows: take(name, slots * this.rowBytes),
      positions: take(`${name}/positions`, 4 * kvHeads * slots),
      scores: take(`${name}/scores`, 4 * kvHeads * slots),
      ranks: turns ? take(`${name}/ranks`, 4 * kvHeads * slots) : 0,
      turned: turns ? take(`${name}/turned`, 4 * kvHeads * headDim * slots) : 0,
    };
    new Int32Array(this.#memory.memory.buffer, block.positions, kvHeads * slots).fill(-1);
    return block;
  }

  #free({ rows, positions, scores, ranks, turned }: Block): void {
    for (const address of [rows, positions, scores, ranks, turned])
      if (address !== 0) this.#memory.free(address);
  }

  #ints(address: Address, { slots }: Block, head: number): Int32Array {
    return new Int32Array(this.#memory.memory.buffer, address + 4 * head * slots, slots);
  }

  #floats(address: Address, { slots }: Block, head: number): Float32Array {
    return this.#memory.floats(address + 4 * head * slots, slots);
  }
}
