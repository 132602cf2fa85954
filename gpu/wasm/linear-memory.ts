import { BackendError } from '../backend-error.ts';
import type { Address } from './kernels.ts';

const PAGE_BYTES = 65536;
/** The pages that 32-bit addresses reach. Modules declare it (tools/setup/assembly-script.mjs). */
const MOST_PAGES = 65536;
/** A cache line. The first is never given out, because the address 0 means none. */
const ALIGNMENT = 64;

interface Piece {
  readonly address: Address;
  readonly bytes: number;
}

/**
 * The memory of WebAssembly, which only grows. Hands out zeroed pieces, which can be given back.
 * Views on it are valid until the next `allocate`.
 */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly #taken = new Map<Address, number>();
  /** Free pieces by address. Adjacent ones are merged. */
  #gaps: Piece[] = [];
  #end = ALIGNMENT;

  /** @param memory one page, which may grow */
  constructor(memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES })) {
    this.memory = memory;
  }

  /** Bytes in use. */
  get allocatedBytes(): number {
    return [...this.#taken.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @throws BackendError `out-of-memory`, naming what did not fit */
  allocate(what: string, wanted: number): Address {
    const bytes = Math.ceil(wanted / ALIGNMENT) * ALIGNMENT;
    const gap = this.#gaps.find((piece) => piece.bytes >= bytes);
    const address = gap?.address ?? this.#end;
    if (gap) {
      this.#gaps = this.#gaps.flatMap((piece) =>
        piece !== gap
          ? piece
          : bytes < gap.bytes
            ? { address: address + bytes, bytes: gap.bytes - bytes }
            : [],
      );
      this.clear(address, bytes);
    } else {
      this.#grow(what, address + bytes);
    }
    this.#taken.set(address, bytes);
    return address;
  }

  free(address: Address): void {
    const bytes = this.#taken.get(address);
    if (bytes === undefined) return;
    this.#taken.delete(address);
    const gaps: Piece[] = [];
    for (const gap of [...this.#gaps, { address, bytes }].sort((a, b) => a.address - b.address)) {
      const before = gaps.at(-1);
      if (before && before.address + before.bytes === gap.address) {
        gaps[gaps.length - 1] = { address: before.address, bytes: before.bytes + gap.bytes };
      } else gaps.push(gap);
    }
    this.#gaps = gaps;
  }

  floats(address: Address, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count);
  }

  ints(address: Address, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  bytes(address: Address, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  copy(from: Address, to: Address, bytes: number): void {
    new Uint8Array(this.memory.buffer).copyWithin(to, from, from + bytes);
  }

  /** Makes bytes zero. */
  clear(address: Address, bytes: number): void {
    new Uint8Array(this.memory.buffer, address, bytes).fill(0);
  }

  /** Makes room up to `end`, and for a vector that is read from before it. */
  #grow(what: string, end: number): void {
    const missing = end + ALIGNMENT - this.memory.buffer.byteLength;
    try {
      if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch {
      throw new BackendError({ code: 'out-of-memory', what, bytes: end - this.#end });
    }
    this.#end = end;
  }
}

/** Memory that threads may share; null if this engine has none, or no room for it. */
export function sharedMemory(): WebAssembly.Memory | null {
  // Engines set aside addresses for all that it may grow to, and some have fewer than that.
  for (const maximum of [MOST_PAGES, MOST_PAGES / 2, MOST_PAGES / 4]) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch {
      // A smaller one may do.
    }
  }
  return null;
}
