/** Writes the kinds of protobuf fields that ONNX files contain. https://protobuf.dev/programming-guides/encoding/ */

/** One field, ready to be put into a message. */
export type Field = readonly Uint8Array[];

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

const text = new TextEncoder();

/** An integer, seven bits per byte, lowest first. Negative ones take ten bytes, as in two's complement. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.of(...bytes, Number(rest));
}

const tag = (field: number, wireType: number) => varint(field * 8 + wireType);

export const int = (field: number, value: number | bigint): Field => [tag(field, VARINT), varint(value)];

export const float = (field: number, value: number): Field => [
  tag(field, FIXED32),
  littleEndian(Float32Array.of(value)),
];

export const bytes = (field: number, value: Uint8Array): Field => [
  tag(field, BYTES),
  varint(value.length),
  value,
];

export const string = (field: number, value: string): Field => bytes(field, text.encode(value));

/** Concatenates fields: a message, or the value of a field that holds one. */
export function message(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const parts = fields.flat();
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of numbers, little-endian on every machine that Node and browsers run on. */
export const littleEndian = (values: Float32Array | Uint16Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
