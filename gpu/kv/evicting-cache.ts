import type { KvCache } from './cache.ts';
import { rowsAfterCut } from './policies/cut.ts';
import { stateBytes } from './policies/less-kernels.ts';
import { mostRows } from './policies/policies.ts';
import type { Budget, PolicyOptions } from './policies/policy.ts';
import { evictingSlots, type SlotLayout } from './slots.ts';
import type { EvictingFacts } from './stores.ts';

/**
 * A cache under a policy.
 *
 * @param stepsInFlight how many steps may be thrown away: they must overwrite nothing that is still needed
 * @param allocate      takes memory for so many slots, and returns the bytes that the ledger counts
 */
export function newEvictingCache(
  { owner, windowTokens, capacityTokens, rowBytes }: EvictingFacts,
  { policy, promptTokens, kernels }: PolicyOptions,
  stepsInFlight: number,
  allocate: (slots: number) => number,
): EvictingCache {
  const kept = Math.min(mostRows(policy, promptTokens), windowTokens, capacityTokens);
  // A step sees its own row too.
  const slots = evictingSlots(Math.min(capacityTokens, kept + 1 + stepsInFlight));
  const bytesAllocated = allocate(slots.slots);
  const ofState = kernels ? stateBytes(kernels, owner) : 0;
  return new EvictingCache({ owner, slots, rowBytes, stateBytes: ofState, bytesAllocated }, windowTokens);
}

/**
 * Keeps what a policy chooses. Which rows these are, only the backend knows, because a GPU decides for itself. How many a
 * KV head may hold follows from the text (docs/policies.md, "Unequal heads").
 */
export class EvictingCache implements KvCache {
  readonly owner: number;
  readonly slots: SlotLayout;
  readonly bytesAllocated: number;
  readonly keepsTokens: number;
  readonly stateBytes: number;
  readonly #rowBytes: number;
  #end = 0;
  #cutAt = 0;
  #rowsAtCut = 0;
  #budget: Budget | null = null;

  /** @param rowBytes with the position and the score of every KV head */
  constructor(
    sizes: {
      readonly owner: number;
      readonly slots: SlotLayout;
      readonly rowBytes: number;
      readonly stateBytes: number;
      readonly bytesAllocated: number;
    },
    windowTokens: number,
  ) {
    this.owner = sizes.owner;
    this.slots = sizes.slots;
    this.bytesAllocated = sizes.bytesAllocated;
    this.#rowBytes = sizes.rowBytes;
    this.stateBytes = sizes.stateBytes;
    this.keepsTokens = windowTokens;
  }

  get end(): number {
    return this.#end;
  }

  get rows(): number {
    return this.#rowsAtCut + this.#end - this.#cutAt;
  }

  get bytesInUse(): number {
    return this.rows * this.#rowBytes + this.stateBytes;
  }

  positions(): null {
    return null;
  }

  written(): void {
    // A step that is thrown away leaves no trace: the backend keeps what it would overwrite.
  }

  keep(end: number): void {
    this.#end = end;
  }

  /** Notes that the store was cut when the text had so many tokens. */
  cut(textTokens: number, budget: Budget | null): void {
    const rows = this.rows + textTokens - this.#end;
    this.#rowsAtCut = Math.min(rows, rowsAfterCut(budget, textTokens, this.keepsTokens));
    this.#budget = budget;
    this.#end = textTokens;
    this.#cutAt = textTokens;
  }

  /** Rows below a position that is fed while decoding, perhaps by a step that is thrown away later. */
  heldBelow(position: number): number {
    const rows = this.#rowsAtCut + position - this.#cutAt;
    return Math.min(rows, rowsAfterCut(this.#budget, position, this.keepsTokens));
  }

  canRewind(tokens: number): boolean {
    return tokens === this.#end;
  }
}
