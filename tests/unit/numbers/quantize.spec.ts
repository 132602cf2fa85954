import { describe, expect, it } from 'vitest';
import { fromF16Bits } from '../../../gpu/numbers/element-type.ts';
import {
  dequantizeRows,
  groupSize,
  NotQuantizable,
  quantizeRows,
  rowLayout,
  type QuantizedFormat,
} from '../../../gpu/numbers/quantize.ts';
import { fc } from '../../support/seeded-properties.ts';

const formats: readonly QuantizedFormat[] = ['q8', 'q4'];

const roundTrip = (values: Float32Array, cols: number, format: QuantizedFormat) =>
  dequantizeRows(quantizeRows(values, cols, format), cols, format);

/** The groups of all rows, before and after. */
function groupsOf(values: Float32Array, kept: Float32Array, cols: number) {
  const groups: { readonly values: Float32Array; readonly kept: Float32Array }[] = [];
  for (let row = 0; row < values.length; row += cols) {
    for (let col = 0; col < cols; col += groupSize) {
      const end = row + Math.min(col + groupSize, cols);
      groups.push({ values: values.subarray(row + col, end), kept: kept.subarray(row + col, end) });
    }
  }
  return groups;
}

const largestOf = (values: Float32Array) =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const squaredError = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + (value - (b[i] ?? NaN)) ** 2, 0);

/** Rows of numbers of any size: subnormal halves, ordinary weights, thousands. */
const arbitraryRows = fc
  .record({ rows: fc.integer({ min: 1, max: 3 }), cols: fc.integer({ min: 1, max: 70 }) })
  .chain(({ rows, cols }) =>
    fc.record({
      cols: fc.constant(cols),
      values: fc
        .array(
          fc
            .tuple(fc.float({ min: -1, max: 1, noNaN: true }), fc.constantFrom(1e-9, 1e-6, 1e-3, 1, 4000))
            .map(([value, size]) => value * size),
          { minLength: rows * cols, maxLength: rows * cols },
        )
        .map((values) => Float32Array.from(values)),
    }),
  );

describe('quantized to 8 bits', () => {
  it('no number is off by more than 1/254 of the largest of its group', () => {
    fc.assert(
      fc.property(arbitraryRows, ({ values, cols }) => {
        for (const group of groupsOf(values, roundTrip(values, cols, 'q8'), cols)) {
          // The scale is rounded up to half precision: by at most 1/1024, or to a multiple of 2^-24.
          const scale = (largestOf(group.values) / 127) * (1 + 2 ** -10) + 2 ** -24;
          group.values.forEach((value, i) => {
            expect(Math.abs(value - (group.kept[i] ?? NaN))).toBeLessThanOrEqual(scale * 0.5000001);
          });
        }
      }),
    );
  });

  it('whole numbers up to 127 stay exact', () => {
    const values = Float32Array.from({ length: 256 }, (_, i) => (i % 32 === 0 ? 127 : i - 128));
    expect([...roundTrip(values, 256, 'q8')]).toEqual([...values].map((value) => Math.max(value, -128)));
  });
});

describe('quantized to 4 bits', () => {
  it('no group has a larger squared error than with 1/8 of its largest number as the scale', () => {
    fc.assert(
      fc.property(arbitraryRows, ({ values, cols }) => {
        for (const group of groupsOf(values, roundTrip(values, cols, 'q4'), cols)) {
          const extreme = group.values.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0);
          const scale = extreme / -8;
          const plain = group.values.map((value) =>
            scale === 0 ? 0 : scale * Math.max(-8, Math.min(7, Math.floor(value / scale + 0.5))),
          );
          // What rounding the scale to half precision costs: 1/2048 of each number, or 8 · 2^-25.
          const rounding = group.values.length * (largestOf(group.values) / 1024 + 2 ** -22) ** 2;
          const error = squaredError(group.values, group.kept);
          expect(error).toBeLessThanOrEqual(1.1 * squaredError(group.values, plain) + rounding);
        }
      }),
    );
  });

  it('the search lowers the squared error of normal numbers by at least 5 %', () => {
    let state = 1;
    const uniform = () => ((state = (state * 48271) % 2147483647) + 0.5) / 2147483647;
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const values = Float32Array.from({ length: 32 * 500 }, normal);
    let plainError = 0;
    for (let at = 0; at < values.length; at += groupSize) {
      const group = values.subarray(at, at + groupSize);
      const extreme = group.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0);
      for (const value of group) {
        const q = Math.max(-8, Math.min(7, Math.round(value / (extreme / -8))));
        plainError += (value - q * (extreme / -8)) ** 2;
      }
    }
    expect(squaredError(values, roundTrip(values, groupSize, 'q4'))).toBeLessThan(0.95 * plainError);
  });

  it('all 16 values survive a round trip, with either sign', () => {
    for (const sign of [1, -1]) {
      const values = Float32Array.from({ length: 32 }, (_, i) => sign * ((i % 16) - 8));
      expect([...roundTrip(values, 32, 'q4')]).toEqual([...values]);
    }
  });
});

describe.each(formats)('%s', (format) => {
  it('keeps zeros, also in groups of zeros only', () => {
    const values = new Float32Array(96);
    values.set([3, 0, -0.5, 0], 40);
    const kept = roundTrip(values, 48, format);
    values.forEach((value, i) => {
      if (value === 0) expect(Math.abs(kept[i] ?? NaN)).toBe(0);
    });
    expect(kept[40]).toBeCloseTo(3, 1);
  });

  it('stores row after row, each padded to 16 bytes, with zeros after its last number', () => {
    for (const cols of [1, 20, 31, 32, 33, 80, 257]) {
      const { bytes, scalesAt, groups, groupBytes } = rowLayout(format, cols);
      expect(bytes % 16).toBe(0);
      const row = Float32Array.from({ length: cols }, (_, i) => Math.sin(i + 1));
      const packed = quantizeRows(Float32Array.from([...row, ...row]), cols, format);
      expect(packed.length).toBe(2 * bytes);
      expect(packed.slice(0, bytes)).toEqual(packed.slice(bytes));
      const used = format === 'q8' ? cols : Math.ceil(cols / 2);
      expect([...packed.slice(used, scalesAt)].every((byte) => byte === 0)).toBe(true);
      expect(scalesAt).toBe(groups * groupBytes);
      expect([...packed.slice(scalesAt + 2 * groups, bytes)].every((byte) => byte === 0)).toBe(true);
    }
  });

  it('has scales down to the smallest half, and zeros below it', () => {
    const least = fromF16Bits(1);
    const tiny = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -5 : 3) * least);
    roundTrip(tiny, 32, format).forEach((value, i) => {
      expect(Math.abs(value - (tiny[i] ?? NaN))).toBeLessThanOrEqual(least);
    });
    const less = roundTrip(new Float32Array(32).fill(least / 1000), 32, format);
    expect(largestOf(less)).toBeLessThanOrEqual(least);
  });

  it('accepts the largest number in reach of a scale, and names the place of any larger one or NaN', () => {
    const reach = format === 'q8' ? 65504 * 127 : 65504 * 7;
    const rows = new Float32Array(3 * 40).fill(0.5);
    rows[2 * 40 + 37] = reach;
    expect(roundTrip(rows, 40, format)[2 * 40 + 37]).toBeGreaterThan(0.98 * reach);
    for (const value of [reach * 1.001, -Infinity, NaN]) {
      rows[2 * 40 + 37] = value;
      const refused = catchError(() => quantizeRows(rows, 40, format));
      expect(refused).toBeInstanceOf(NotQuantizable);
      expect(refused).toMatchObject({ row: 2, col: 37, value: Math.fround(value) });
    }
  });
});

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
