import { visibleKeys } from './mask.ts';
import type { Budget } from './policies/policy.ts';
import type { SlotLayout } from './slots.ts';

/**
 * What one store holds: the rows of one owner, in whatever memory. A backend reports to its caches what it wrote and
 * where the text ends. Code that shows or counts KV asks the caches.
 */
export interface KvCache {
  /** The layer whose keys and values these are. */
  readonly owner: number;
  readonly slots: SlotLayout;
  /** The text ends before this position. */
  readonly end: number;
  /** Rows held, in each KV head. */
  readonly rows: number;
  /** Bytes of the rows, and of the state. */
  readonly bytesInUse: number;
  /** Bytes of what LESS keeps of the rows that are gone; 0 without it. */
  readonly stateBytes: number;
  /** Positions, counted from the end of the text, of which the store keeps anything. */
  readonly keepsTokens: number;
  /** Bytes that the backend's ledger counts for the store. */
  readonly bytesAllocated: number;
  /** The positions held in one KV head, ascending; null if only the backend knows them. */
  positions(kvHead: number): readonly number[] | null;
  /**
   * Notes that positions up to `end` are being written, perhaps by a step that is thrown away later.
   *
   * @param entered how many of the last positions enter the store. A prompt that is longer than a window leaves out
   *                the others
   */
  written(end: number, entered: number): void;
  /** Notes that the text now ends before position `end`. Later rows no longer belong to it. */
  keep(end: number): void;
  /** Notes that a policy cut the store when the text had so many tokens. */
  cut(textTokens: number, budget: Budget | null): void;
  /** Whether a text can continue after its first `tokens` positions. */
  canRewind(tokens: number): boolean;
}

/** What a store is, apart from what it holds. */
export interface StoreFacts {
  readonly owner: number;
  readonly slots: SlotLayout;
  readonly rowBytes: number;
  readonly bytesAllocated: number;
  /** How many of the newest positions it keeps: the window if all readers have one; otherwise Infinity. */
  readonly windowTokens: number;
}

/**
 * Keeps the newest positions: what a window shows, or everything. The ring of a window has more slots than the window,
 * so that a discarded step overwrites nothing that is still needed. A text that fits needs no ring.
 */
export class WindowedCache implements KvCache {
  readonly owner: number;
  readonly slots: SlotLayout;
  readonly bytesAllocated: number;
  readonly stateBytes = 0;
  readonly #rowBytes: number;
  readonly #windowTokens: number;
  #end = 0;
  /** The store has every position from here to the last one written. */
  #oldest = 0;

  constructor({ owner, slots, rowBytes, bytesAllocated, windowTokens }: StoreFacts) {
    this.owner = owner;
    this.slots = slots;
    this.bytesAllocated = bytesAllocated;
    this.#rowBytes = rowBytes;
    this.#windowTokens = windowTokens;
  }

  get end(): number {
    return this.#end;
  }

  get rows(): number {
    return Math.min(this.#end, this.#windowTokens);
  }

  get keepsTokens(): number {
    return this.slots.slots;
  }

  get bytesInUse(): number {
    return this.rows * this.#rowBytes;
  }

  positions(): readonly number[] {
    return range(this.#end - this.rows, this.#end);
  }

  written(end: number, entered: number): void {
    // Without a ring, every position has a slot of its own: nothing is overwritten.
    if (this.slots.kind !== 'ring') return;
    this.#oldest = Math.max(this.#oldest, end - this.slots.slots, end - entered);
  }

  keep(end: number): void {
    this.#end = end;
  }

  cut(): void {
    // A window needs no cut: its ring overwrites what it has passed.
  }

  canRewind(tokens: number): boolean {
    const { from, to } = visibleKeys(tokens, { windowTokens: this.#windowTokens, diagonal: false });
    return tokens <= this.#end && (from === to || from >= this.#oldest);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
