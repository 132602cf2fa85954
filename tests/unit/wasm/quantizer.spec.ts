import { describe, expect, it } from 'vitest';
import { f16Table } from '../../../gpu/numbers/element-type.ts';
import { packRows } from '../../../gpu/numbers/matrix-format.ts';
import { NotQuantizable, quantizeRows, type QuantizedFormat } from '../../../gpu/numbers/quantize.ts';
import { openQuantizer } from '../../../gpu/wasm/quantizer.ts';
import { randomFloats, stored } from '../../support/kernels.ts';
import { fc } from '../../support/seeded-properties.ts';

const formats = ['q8', 'q4'] as const;
/** Of float32. */
const quantizer = openQuantizer().then(
  (quantize) => (values: Float32Array<ArrayBuffer>, cols: number, format: QuantizedFormat) =>
    quantize(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 'f32', cols, format),
);

/** Any float32 that can be quantized: also the smallest, and neighbors of halves. */
const anyNumber = fc.oneof(
  fc.float({ min: -65504 * 7, max: 65504 * 7, noDefaultInfinity: true, noNaN: true }),
  fc.constantFrom(0, -0, 1e-45, -1e-45, 2 ** -24, 2 ** -126, 65504, -65504 * 7, 65504 * 7, 1, -1),
  fc
    .integer({ min: 0, max: 0xffff })
    .map((bits) => f16Table()[bits] ?? 0)
    .filter(Number.isFinite),
);

describe('Quantizing in WebAssembly', () => {
  it.each(['f16', 'bf16'] as const)(
    'packs rows stored in %s as JavaScript does, to the bit',
    async (type) => {
      const quantize = await openQuantizer();
      for (const [rows, cols] of [
        [1, 1],
        [5, 37],
        [700, 520],
        [3, 300_001],
      ] as const) {
        const { data } = stored(randomFloats(rows * cols, 0.1), type);
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        for (const format of formats) {
          const expected = packRows(bytes, type, cols, format);
          expect(Buffer.compare(quantize(bytes, type, cols, format), expected), `${rows} × ${cols}`).toBe(0);
        }
      }
    },
  );

  it.each(formats)('packs rows of any numbers in %s as JavaScript does, to the bit', async (format) => {
    const quantize = await quantizer;
    const anyRows = fc.integer({ min: 1, max: 70 }).chain((cols) =>
      fc.record({
        cols: fc.constant(cols),
        values: fc
          .array(fc.array(anyNumber, { minLength: cols, maxLength: cols }), { minLength: 1, maxLength: 3 })
          .map((rows) => Float32Array.from(rows.flat())),
      }),
    );
    fc.assert(
      fc.property(anyRows, ({ values, cols }) => {
        expect(quantize(values, cols, format)).toEqual(quantizeRows(values, cols, format));
      }),
      { numRuns: 400 },
    );
  });

  it.each(formats)('packs rows like weights in %s likewise, in one piece and in several', async (format) => {
    const quantize = await quantizer;
    for (const [rows, cols, scale] of [
      [64, 576, 0.05],
      [3, 100_003, 1],
      [700, 520, 3e-5],
      [1, 1, 1],
    ] as const) {
      // A sum of several is like a weight: mostly small, seldom large.
      const parts = Array.from({ length: 4 }, () => randomFloats(rows * cols, scale));
      const values = Float32Array.from({ length: rows * cols }, (_, i) =>
        parts.reduce((sum, part) => sum + (part[i] ?? 0), 0),
      );
      expect(Buffer.compare(quantize(values, cols, format), quantizeRows(values, cols, format))).toBe(0);
    }
  });

  it('is right where numbers lie between two candidates, or two of a group are the farthest', async () => {
    const quantize = await quantizer;
    for (const format of formats) {
      for (const step of [7, 7.4, 7.8, 8, 8.2, 8.6, 127]) {
        for (const sign of [1, -1]) {
          const values = Float32Array.from({ length: 64 }, (_, i) => (sign * (i - 32 + (i % 2) / 2)) / step);
          values[31] = 32 / step;
          values[63] = -32 / step;
          expect(quantize(values, 64, format)).toEqual(quantizeRows(values, 64, format));
        }
      }
    }
  });

  it('names the number that cannot be quantized', async () => {
    const quantize = await quantizer;
    for (const broken of [NaN, Infinity, 65504 * 128]) {
      const values = randomFloats(3 * 40);
      values[40 + 33] = broken;
      const place = { row: 1, col: 33 };
      expect(() => quantize(values, 40, 'q8')).toThrow(NotQuantizable);
      expect(() => quantize(values, 40, 'q4')).toThrow(expect.objectContaining(place));
    }
  });

  it('sees infinities and NaN in rows that are shorter than what is widened at a time', async () => {
    const quantize = await openQuantizer();
    for (const broken of [0x7c00, 0xfc00, 0x7e00]) {
      const halves = new Uint8Array(Uint16Array.of(broken, 0x3c00, 0x3c00).buffer);
      for (const format of formats) {
        expect(() => quantize(halves, 'f16', 3, format)).toThrow(expect.objectContaining({ row: 0, col: 0 }));
      }
    }
  });
});
