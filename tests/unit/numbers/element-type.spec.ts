import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  f16Table,
  fromF16Bits,
  toF16,
  toF16Bits,
  toFloat32,
} from '../../../gpu/numbers/element-type.ts';

const infinityBits = 0x7c00;
const signBit = 0x8000;

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The float32 next to a positive one. */
function neighbour(value: number, direction: 1 | -1): number {
  float[0] = value;
  floatBits[0] = (floatBits[0] ?? 0) + direction;
  return float[0];
}

describe('half precision', () => {
  const halves = Array.from({ length: infinityBits }, (_, bits) => fromF16Bits(bits));

  it('has even steps that double with every exponent', () => {
    let value = 0;
    let step = 2 ** -24;
    for (let bits = 0; bits < infinityBits; bits++) {
      if (bits >= 2048 && bits % 1024 === 0) step *= 2;
      expect(halves[bits]).toBe(value);
      value += step;
    }
    expect(value).toBe(65536);
  });

  it('survives a round trip for each of its 65536 bit patterns', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromF16Bits(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(fromF16Bits(toF16Bits(value)))).toBe(true);
      else expect(toF16Bits(value)).toBe(bits);
    }
  });

  it('rounds to the nearest, and ties to even, between any two neighbours', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits + 1 < infinityBits; bits++) {
      const middle = ((halves[bits] ?? NaN) + (halves[bits + 1] ?? NaN)) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      for (const sign of [0, signBit]) {
        const signed = (value: number) => (sign ? -value : value);
        if (toF16Bits(signed(middle)) !== (sign | even)) wrong.push(signed(middle));
        if (toF16Bits(signed(neighbour(middle, -1))) !== (sign | bits)) wrong.push(bits);
        if (toF16Bits(signed(neighbour(middle, 1))) !== (sign | (bits + 1))) wrong.push(bits);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('overflows to infinity from half a step above its largest number', () => {
    expect(toF16Bits(65504)).toBe(0x7bff);
    expect(toF16Bits(neighbour(65520, -1))).toBe(0x7bff);
    expect(toF16Bits(65520)).toBe(infinityBits);
    expect(toF16Bits(3e38)).toBe(infinityBits);
    expect(toF16Bits(-65520)).toBe(signBit | infinityBits);
    expect(toF16Bits(Infinity)).toBe(infinityBits);
  });

  it('keeps the sign of zero, and of numbers that underflow to it', () => {
    expect(toF16Bits(-0)).toBe(signBit);
    expect(toF16Bits(-1e-30)).toBe(signBit);
    expect(Object.is(fromF16Bits(signBit), -0)).toBe(true);
  });

  it('has a lookup table that agrees with the arithmetic', () => {
    const table = f16Table();
    for (let bits = 0; bits < 65536; bits++) expect(table[bits]).toBe(fromF16Bits(bits));
  });
});

describe('toFloat32', () => {
  it('reads f32, f16 and bf16 exactly, little-endian', () => {
    const f32 = new Uint8Array([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    const f16 = new Uint8Array([0x00, 0x3c, 0x00, 0xc0]);
    const bf16 = new Uint8Array([0x80, 0x3f, 0x00, 0xc0]);
    expect([...toFloat32(f32, 'f32')]).toEqual([1, -2]);
    expect([...toFloat32(f16, 'f16')]).toEqual([1, -2]);
    expect([...toFloat32(bf16, 'bf16')]).toEqual([1, -2]);
  });

  it.each([1, 2, 3, 4])('reads from byte %i of a buffer', (offset) => {
    const values = new Uint8Array(Float32Array.of(1.5, -0.25).buffer);
    const buffer = new Uint8Array(offset + values.length);
    buffer.set(values, offset);
    expect([...toFloat32(buffer.subarray(offset), 'f32')]).toEqual([1.5, -0.25]);
    const halves = new Uint8Array(toF16(Float32Array.of(1.5, -0.25)).buffer);
    buffer.set(halves, offset);
    expect([...toFloat32(buffer.subarray(offset, offset + 4), 'f16')]).toEqual([1.5, -0.25]);
  });

  it('returns a copy, so the checkpoint’s bytes may be reused', () => {
    const bytes = new Uint8Array(Float32Array.of(7).buffer);
    const values = toFloat32(bytes, 'f32');
    bytes.fill(0);
    expect(values[0]).toBe(7);
  });
});

it('An element takes 4 bytes in f32 and 2 in f16 and bf16', () => {
  expect((['f32', 'f16', 'bf16'] as const).map(bytesOf)).toEqual([4, 2, 2]);
});
