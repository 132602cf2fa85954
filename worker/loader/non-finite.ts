import { toFloat32, type ElementType } from '../../gpu/numbers/element-type.ts';

/**
 * For one 32-bit word, which holds one number or two: the bits of its exponents, and what to add so that an exponent
 * of ones alone carries into its sign bit. Adding never carries from the lower half into the upper one.
 */
const exponents: Readonly<Record<ElementType, { readonly mask: number; readonly carry: number }>> = {
  f32: { mask: 0x7f800000, carry: 0x00800000 },
  f16: { mask: 0x7c007c00, carry: 0x04000400 },
  bf16: { mask: 0x7f807f80, carry: 0x00800080 },
};

/** The sign bits. A word of f32 has only the upper one. */
const SIGNS = 0x80008000;
/** Words per check: a branch for each word would cost more than the rest. */
const BLOCK = 2048;

/**
 * The index of the first NaN or infinity; -1 if there is none. 1 to 2 GB/s on one core (see tests/unit/worker).
 *
 * @param bytes numbers, at an offset of their buffer that is a multiple of 4
 */
export function firstNonFinite(bytes: Uint8Array, type: ElementType): number {
  const { mask, carry } = exponents[type];
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let begin = 0; begin < words.length; begin += BLOCK) {
    const end = Math.min(begin + BLOCK, words.length);
    let carried = 0;
    for (let i = begin; i < end; i++) carried |= ((words[i] as number) & mask) + carry;
    if ((carried & SIGNS) !== 0) return firstIn(bytes, type, begin * 4);
  }
  // At most one number of 16 bits lies behind the last whole word.
  return firstIn(bytes, type, words.byteLength);
}

/** From here on, rounding to half precision gives infinity. */
const BEYOND_F16 = 65520;

/** The index of the first number that would round to an infinity in f16; -1 if there is none. */
export const firstBeyondF16 = (bytes: Uint8Array, type: ElementType): number =>
  toFloat32(bytes, type).findIndex((value) => Math.abs(value) >= BEYOND_F16);

function firstIn(bytes: Uint8Array, type: ElementType, fromByte: number): number {
  const size = type === 'f32' ? 4 : 2;
  const exponent = type === 'f32' ? 0x7f80 : exponents[type].mask & 0x7fff;
  // The upper 16 bits of a number hold all of its exponent.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = fromByte; at + size <= bytes.byteLength; at += size) {
    if ((view.getUint16(at + size - 2, true) & exponent) === exponent) return at / size;
  }
  return -1;
}
