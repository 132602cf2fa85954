import { expect, it } from 'vitest';
import { LinearMemory } from '../../../gpu/wasm/linear-memory.ts';
import { fc } from '../../support/seeded-properties.ts';

it('Pieces never overlap, start as zeros, and can all be freed', () => {
  const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 200_000 }), frees: fc.nat(7) }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, (run) => {
      const memory = new LinearMemory();
      const held: { address: number; bytes: number; mark: number }[] = [];
      const give = (index: number) => {
        const [piece] = held.splice(index, 1);
        if (!piece) return;
        const view = new Uint8Array(memory.memory.buffer, piece.address, piece.bytes);
        expect(view.every((byte) => byte === piece.mark)).toBe(true);
        memory.free(piece.address);
      };
      run.forEach(({ bytes, frees }, step) => {
        const address = memory.allocate('test', bytes);
        expect(address % 64).toBe(0);
        const view = new Uint8Array(memory.memory.buffer, address, bytes);
        expect(view.every((byte) => byte === 0)).toBe(true);
        view.fill(step + 1);
        held.push({ address, bytes, mark: step + 1 });
        if (frees < 4) give(frees % held.length);
      });
      while (held.length > 0) give(0);
      expect(memory.allocatedBytes).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it('Freed memory is reused: repeated use does not grow the memory', () => {
  const memory = new LinearMemory();
  const round = () => {
    const pieces = [3_000_000, 70, 500_000, 64, 12_345].map((bytes) => memory.allocate('test', bytes));
    for (const piece of [1, 3, 0, 4, 2]) memory.free(pieces[piece] ?? 0);
    return memory.memory.buffer.byteLength;
  };
  const grown = round();
  for (let i = 0; i < 50; i++) expect(round()).toBe(grown);
});

it('The error says what there was no room for', () => {
  const memory = new LinearMemory();
  expect(() => memory.allocate('kv/layer-3', 5 * 2 ** 30)).toThrow(/out-of-memory.*kv\/layer-3/);
  expect(memory.allocatedBytes).toBe(0);
  expect(memory.allocate('less', 64)).toBeGreaterThan(0);
});
