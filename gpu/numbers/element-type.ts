/** How a checkpoint stores a number. */
export type ElementType = 'f32' | 'f16' | 'bf16';

export const bytesOf = (type: ElementType) => (type === 'f32' ? 4 : 2);

const scratch = new DataView(new ArrayBuffer(4));

/** The number nearest to `value` in half precision, ties to even, as its 16 bits. IEEE 754; `kernels/half.wgsl` is its mirror. */
export function toF16Bits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65536 or more: infinity
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits of the mantissa.
    scratch.setUint32(0, magnitude);
    scratch.setFloat32(0, scratch.getFloat32(0) + 0.5);
    return sign | (scratch.getUint32(0) - 0x3f000000);
  }
  const roundedToEven = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((roundedToEven - 0x38000000) >>> 13);
}

/** The number that 16 bits of half precision stand for. */
export function fromF16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

let f16Values: Float32Array | undefined;

/** Every half-precision number, by its bits: decoding a cache or a checkpoint by the million looks them up. */
export const f16Table = (): Float32Array =>
  (f16Values ??= Float32Array.from({ length: 65536 }, (_, bits) => fromF16Bits(bits)));

/**
 * Stored little-endian numbers as float32, exactly.
 *
 * @param bytes whole elements, at any alignment
 */
export function toFloat32(bytes: Uint8Array, type: ElementType): Float32Array<ArrayBuffer> {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (type === 'f32') {
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4).slice();
  }
  const stored = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  const values = new Float32Array(stored.length);
  if (type === 'f16') {
    const table = f16Table();
    for (let i = 0; i < stored.length; i++) values[i] = table[stored[i] ?? 0] ?? 0;
  } else {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < stored.length; i++) bits[i] = (stored[i] ?? 0) << 16;
  }
  return values;
}

/** Numbers rounded to half precision, ties to even. */
export const toF16 = (values: Float32Array): Uint16Array<ArrayBuffer> => Uint16Array.from(values, toF16Bits);

/** Numbers rounded to bfloat16, ties to even: the upper halves of float32. */
export function toBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return Uint16Array.from(bits, (value) => {
    // A NaN whose mantissa lies in the lower half alone would round to infinity.
    if ((value & 0x7fffffff) > 0x7f800000) return (value >>> 16) | 0x40;
    return (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  });
}
