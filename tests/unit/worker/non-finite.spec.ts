import { describe, expect, it } from 'vitest';
import { toFloat32, type ElementType } from '../../../gpu/numbers/element-type.ts';
import { firstBeyondF16, firstNonFinite } from '../../../worker/loader/non-finite.ts';
import { fc } from '../../support/seeded-properties.ts';

const types = ['f32', 'f16', 'bf16'] as const satisfies readonly ElementType[];
const size = (type: ElementType) => (type === 'f32' ? 4 : 2);

describe('The first number that is not finite', () => {
  it.each(types)('is found in any bits of %s', (type) => {
    const words = fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(words, (bits) => {
        const bytes = new Uint8Array(Uint16Array.from(bits).buffer).slice(
          0,
          Math.floor((bits.length * 2) / size(type)) * size(type),
        );
        const expected = toFloat32(bytes, type).findIndex((value) => !Number.isFinite(value));
        expect(firstNonFinite(bytes, type)).toBe(expected);
      }),
    );
  });

  it.each(types)('is found at any index of a long row of %s', (type) => {
    const numbers = 20_001;
    const nan = type === 'f32' ? [0, 0, 0xc0, 0x7f] : type === 'f16' ? [0, 0xfe] : [0xc0, 0x7f];
    for (const at of [0, 1, 4095, 4096, 8191, 8192, numbers - 1]) {
      const bytes = new Uint8Array(numbers * size(type)).fill(0x3b);
      expect(firstNonFinite(bytes, type)).toBe(-1);
      bytes.set(nan, at * size(type));
      expect(firstNonFinite(bytes, type)).toBe(at);
    }
  });

  it('costs less than the rest of loading: 16 MB take under 200 ms', () => {
    for (const type of types) {
      const bytes = new Uint8Array(16 * 2 ** 20).fill(0x3b);
      firstNonFinite(bytes, type);
      const startMs = performance.now();
      firstNonFinite(bytes, type);
      expect(performance.now() - startMs).toBeLessThan(200);
    }
  });
});

describe('A number beyond f16', () => {
  it('is one that rounds to an infinity', () => {
    const bytes = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
    expect(firstBeyondF16(bytes(1, -65504, 65519), 'f32')).toBe(-1);
    expect(firstBeyondF16(bytes(1, -65520), 'f32')).toBe(1);
  });
});
