import { expect, it } from 'vitest';
import { sampleWith } from '../../../gpu/cpu/sampler.ts';
import { sampleBySorting } from '../../support/sample-by-sorting.ts';
import { fc } from '../../support/seeded-properties.ts';

/** Many are equal, of both signs, so close that only the lowest bits differ, or so low that nothing is left of them. */
const arbitraryLogit = fc.oneof(
  fc.float({ min: -20, max: 20, noNaN: true }),
  fc.constantFrom(0, -0, 1, 1 + 2 ** -23, 1 - 2 ** -24, -1e-38, -1e30, 3e38, -103.9, -104.1),
);

it('draws as if all tokens were sorted', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryLogit, { minLength: 1, maxLength: 120 }),
      fc.array(fc.nat(119), { maxLength: 9 }),
      fc.nat(2 ** 31 - 1).map((bits) => 2 * bits + 1),
      fc.record({
        temperature: fc.constantFrom(0, 0.01, 0.7, 1, 5),
        topK: fc.constantFrom(0, 1, 2, 7, 119, 120, 500),
        topP: fc.constantFrom(1e-6, 0.3, 0.5, 0.95, 1 - 2 ** -24, 1),
        minP: fc.constantFrom(0, 1e-6, 0.05, 0.5, 1),
        repetitionPenalty: fc.constantFrom(1, 1.1, 5),
        seed: fc.constant(1),
      }),
      (numbers, seen, bits, options) => {
        const logits = Float32Array.from(numbers);
        const history = seen.filter((token) => token < logits.length);
        const before = logits.slice();
        expect(sampleWith(logits, history, bits, options)).toBe(
          sampleBySorting(logits, history, bits, options),
        );
        expect(logits).toEqual(before);
      },
    ),
    { numRuns: 5000 },
  );
});

it('draws from logits that lie within a larger memory', () => {
  const memory = Float32Array.from({ length: 99 }, (_, i) => Math.sin(5 * i));
  const options = { temperature: 0.8, topK: 9, topP: 0.7, minP: 0, repetitionPenalty: 1, seed: 1 };
  for (let bits = 0; bits < 2 ** 32; bits += 2 ** 26) {
    const drawn = sampleWith(memory.subarray(7, 90), [], bits, options);
    expect(drawn).toBe(sampleBySorting(memory.slice(7, 90), [], bits, options));
  }
});
