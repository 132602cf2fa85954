import { vi } from 'vitest';
import { LinearMemory } from '../../gpu/wasm/linear-memory.ts';

const GUARD_BYTES = 4096;
const GUARD = 0xa5;

interface Guard {
  readonly what: string;
  readonly at: number;
}

/** Lets every piece of WebAssembly's memory end in bytes that nobody may write, until it is restored. */
export function guardPieces(): { readonly written: () => readonly string[]; readonly restore: () => void } {
  const guards = new Map<LinearMemory, Map<number, Guard>>();
  const broken: string[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called with the memory that they belong to
  const { allocate, free } = LinearMemory.prototype;
  const bytesOf = (memory: LinearMemory, { at }: Guard) =>
    new Uint8Array(memory.memory.buffer, at, GUARD_BYTES);
  const look = (memory: LinearMemory, guard: Guard) => {
    const first = bytesOf(memory, guard).findIndex((byte) => byte !== GUARD);
    if (first >= 0) broken.push(`byte ${first} behind "${guard.what}"`);
  };
  const spies = [
    vi.spyOn(LinearMemory.prototype, 'allocate').mockImplementation(function (
      this: LinearMemory,
      what: string,
      wanted: number,
    ) {
      const address = allocate.call(this, what, wanted + GUARD_BYTES);
      const guard = { what, at: address + wanted };
      const here = guards.get(this) ?? new Map<number, Guard>();
      guards.set(this, here.set(address, guard));
      bytesOf(this, guard).fill(GUARD);
      return address;
    }),
    vi.spyOn(LinearMemory.prototype, 'free').mockImplementation(function (
      this: LinearMemory,
      address: number,
    ) {
      const guard = guards.get(this)?.get(address);
      if (guard) look(this, guard);
      guards.get(this)?.delete(address);
      free.call(this, address);
    }),
  ];
  return {
    written: () => {
      for (const [memory, here] of guards) for (const guard of here.values()) look(memory, guard);
      return broken.splice(0);
    },
    restore: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
